import Files
import MetricTokens
import TokenData

extension JSONLFile {
  /// What `body` makes of an entry's object; errors name the line as well as the key.
  func read<R>(_ index: Int, _ body: (JSONReader) throws(InputError) -> R) throws(InputError) -> R {
    do throws(InputError) {
      return try body(try record(index))
    } catch {
      guard !error.place.hasPrefix("line ") else { throw error }
      var error = error
      let place = "line \(lineNumber(index))"
      error.place = error.place.isEmpty ? place : "\(place), \(error.place)"
      throw error
    }
  }
}

/// Which of `count` examples a limited evaluation takes: a random choice that the seed decides, in their own order.
func subsample(_ count: Int, limit: Int?, seed: UInt64) -> [Int] {
  var order = Array(0..<count)
  guard let limit, limit < count else { return order }
  var generator = CounterGenerator(seed, 0x7375_6273)
  for index in 0..<max(limit, 0) { order.swapAt(index, index + generator.next(below: count - index)) }
  return order[..<max(limit, 0)].sorted()
}
