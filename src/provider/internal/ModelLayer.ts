/**
 * The Layer of one Model over a driver: `LanguageModel`, with the names of the provider and the model beside it.
 */
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Driver from "../../agent/Driver.ts"

/** What a provider's Layer of one model gives. */
export type Services = LanguageModel.LanguageModel | Model.ProviderName | Model.ModelName

/** The Layer of the Model over the driver that is made. */
export const make = <E, R>(driver: Effect.Effect<Driver.Driver, E, R>): Layer.Layer<Services, E, R> =>
  Layer.effectContext(
    Effect.flatMap(
      driver,
      (driver) =>
        Effect.map(Driver.toLanguageModel(driver), (model) =>
          Context.make(LanguageModel.LanguageModel, model).pipe(
            Context.add(Model.ProviderName, driver.provider),
            Context.add(Model.ModelName, driver.model)
          ))
    )
  )
