// SPDX-License-Identifier: Apache-2.0
import Reports
import Testing

@Suite struct FriedmanTests {
  /// The fourteen data sets and four methods of Demšar 2006, Table 6; ranks and p-value by scipy (rankdata, f.sf).
  @Test func ranksOfManyDataSetsAreScipys() {
    let values = [
      [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
      [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
      [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
      [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
      [0.972, 0.981, 0.975, 0.975], [0.957, 0.978, 0.946, 0.970],
    ]
    let test = Friedman(values, lowerIsBetter: false)
    for (rank, wanted) in zip(test.ranks, [3.142857142857143, 2, 2.928571428571429, 1.928571428571429]) {
      #expect(abs(rank - wanted) < 1e-12)
    }
    #expect(abs(test.pValue - 0.01435244621602403) < 1e-12)
    #expect(abs(test.criticalDifference! - 1.2535436437023908) < 1e-12)
    // The other way round the order is the other way round.
    #expect(zip(Friedman(values).ranks, test.ranks).allSatisfy { abs($0 + $1 - 5) < 1e-12 })
  }

  @Test func nothingToCompareHasNoProbability() {
    #expect(Friedman([[1, 2]]).pValue.isNaN)
    #expect(Friedman([[1], [2]]).pValue.isNaN)
    #expect(Friedman([]).ranks.isEmpty)
    #expect(Friedman([]).criticalDifference == nil)
    #expect(Friedman([[1, 2, 3], [1, 2, 3], [1, 2, 3]]).pValue == 0)
    #expect(Friedman([[1, 1], [2, 2]]).ranks == [1.5, 1.5])
    #expect(abs(Friedman([[1, 1], [2, 2]]).pValue - 1) < 1e-12)
  }
}
