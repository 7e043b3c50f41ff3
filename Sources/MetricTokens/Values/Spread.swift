// SPDX-License-Identifier: Apache-2.0
/// Mean and variance of numbers that come one by one (Welford 1962).
package struct Spread {
  private var count = 0.0, mean = 0.0, squares = 0.0

  package init() {}

  package mutating func add(_ value: Double) {
    count += 1
    let difference = value - mean
    mean += difference / count
    squares += difference * (value - mean)
  }

  /// 0 of fewer than two.
  package var deviation: Double { count > 1 ? (squares / (count - 1)).squareRoot() : 0 }
}
