/**
 * Remembers what was made of an object for as long as the object lives: messages and tools are encoded once.
 */

/** `make`, called once for each object. What it returns is shared: nobody may change it. */
export const memo = <Key extends object, Value>(make: (key: Key) => Value): (key: Key) => Value => {
  const made = new WeakMap<Key, { readonly value: Value }>()
  return (key) => {
    const found = made.get(key)
    if (found !== undefined) return found.value
    const value = make(key)
    made.set(key, { value })
    return value
  }
}
