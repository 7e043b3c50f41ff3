// SPDX-License-Identifier: Apache-2.0
extension Verdict {
  /// Compares two ways to train that were each run with the same seeds and tested on the same items.
  ///
  /// A seed is one measurement, however many items it is tested on: with one there is no verdict. The interval is
  /// Student's t with a degree of freedom less than there are seeds. Its variance is that of seeds and of items together,
  /// their common part taken once (Cameron, Gelbach and Miller 2011), so that it speaks of other seeds and other items.
  ///
  /// - Parameters:
  ///   - ours: for every seed the values of all items, `[S][I]`.
  ///   - theirs: the same of the other, seeds and items in the same order.
  public init(_ metric: String, bySeed ours: [[Double]], against theirs: [[Double]], lowerIsBetter: Bool) {
    precondition(ours.map(\.count) == theirs.map(\.count), "\(ours.map(\.count)) values against \(theirs.map(\.count))")
    func means(_ values: [[Double]]) -> [Double] { values.map { Measurements($0).mean } }
    self.init(metric, ours: means(ours), theirs: means(theirs), lowerIsBetter: lowerIsBetter)
    let differences = zip(ours, theirs).map { zip($0, $1).map { $0 - $1 } }.filter { $0.allSatisfy(\.isFinite) }
    guard let items = differences.first?.count, items > 1, pairs > 1, differences.count == pairs,
      differences.allSatisfy({ $0.count == items })
    else { return }
    let byItem = (0..<items).map { item in Measurements(differences.map { $0[item] }).mean }
    // What is left of a difference without its seed's and its item's part, as often as it is drawn.
    let rest = zip(means(differences), differences).flatMap { mean, row in
      zip(row, byItem).map { $0 - mean - $1 + difference }
    }
    let restVariance = rest.reduce(0) { $0 + $1 * $1 } / Double((items - 1) * (pairs - 1) * items * pairs)
    func variance(_ values: [Double]) -> Double {
      let error = Measurements(values).standardError
      return error * error
    }
    let (seeds, other) = (variance(means(differences)), variance(byItem))
    let error = max(seeds + other - restVariance, seeds, other).squareRoot()
    let degrees = Double(pairs - 1)
    let margin = error * StudentT.twoSidedQuantile(level: interval.level, degrees: degrees)
    interval = ConfidenceInterval(low: difference - margin, high: difference + margin, level: interval.level)
    let isIdentical = differences.allSatisfy { $0.allSatisfy { $0 == 0 } }
    pValue = isIdentical ? 1 : StudentT.twoSidedTail(difference / error, degrees: degrees)
    decide(isIdentical: isIdentical)
  }
}
