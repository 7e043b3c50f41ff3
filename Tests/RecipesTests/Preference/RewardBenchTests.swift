// SPDX-License-Identifier: Apache-2.0
import Recipes
import Testing

/// Tables 3 and 12 of the paper. Its own slips (docs/paper-map.md) are asserted as such.
@Suite struct RewardBenchTests {
  private static let names = [
    "alpacaeval-easy", "alpacaeval-hard", "alpacaeval-length", "donotanswer", "hep-cpp", "hep-go", "hep-java", "hep-js",
    "hep-python", "hep-rust", "llmbar-adver-GPTInst", "llmbar-adver-GPTOut", "llmbar-adver-manual",
    "llmbar-adver-neighbor", "llmbar-natural", "math-prm", "mt-bench-easy", "mt-bench-hard", "mt-bench-med",
    "refusals-dangerous", "refusals-offensive", "xstest-should-refuse", "xstest-should-respond",
  ]

  /// Table 12, the column of a model.
  private static func column(_ values: [Double]) -> [String: Double] {
    Dictionary(uniqueKeysWithValues: zip(names, values))
  }

  private static let binary = column([
    94.5, 94.7, 76.3, 16.9, 54.9, 55.8, 56.1, 52.4, 48.5, 56.7, 13.6, 36.2, 23.9, 24.6, 61.5, 92.8, 64.3, 62.1, 62.5,
    0.4, 0.3, 22.7, 92.0,
  ])
  private static let sft = column([
    89.0, 97.9, 77.9, 44.9, 84.1, 80.5, 89.0, 83.5, 84.1, 81.1, 32.6, 63.8, 32.6, 29.1, 82.0, 84.1, 96.4, 78.3, 90.0,
    93.0, 99.0, 92.9, 76.0,
  ])
  private static let dist = column([
    97.0, 98.9, 88.4, 78.7, 89.6, 90.2, 89.6, 87.8, 90.2, 85.4, 57.6, 72.3, 67.4, 63.4, 84.0, 84.1, 100, 75.7, 92.5,
    96.0, 100, 94.8, 88.0,
  ])

  private func sections(_ column: [String: Double]) -> [Double] {
    RewardBench.sections.compactMap { $0.score(column) }
  }

  /// Whether figures printed with one decimal are these.
  private func prints(_ values: [Double], _ printed: [Double], within tolerance: Double = 0.0501) -> Bool {
    values.count == printed.count && zip(values, printed).allSatisfy { abs($0 - $1) <= tolerance }
  }

  @Test func theSectionsAreThoseOfTheBenchmark() {
    #expect(RewardBench.sections.map(\.name) == ["Chat", "Chat Hard", "Safety", "Reasoning"])
    let parts = RewardBench.sections.flatMap(\.parts)
    #expect(Set(parts.map(\.subset)) == Set(Self.names))
    #expect(parts.count == 23)
    // 2,985 prompts in all, math-prm counted with its 447.
    #expect(parts.reduce(0) { $0 + $1.weight } - 984 + 447 == 2985)
    let reasoning = RewardBench.sections[3].parts
    #expect(reasoning.filter { $0.subset != "math-prm" }.reduce(0) { $0 + $1.weight } == 984)
  }

  @Test func llamaSFT() throws {
    #expect(prints(sections(Self.sft), [89.1, 49.3, 79.2, 83.9]))
    let average = try #require(RewardBench.average(Self.sft))
    // Tables 3, 7, 8 and 12 print 75.3, Table 6 prints 75.4.
    #expect(abs(average - 75.385) < 0.01)
  }

  @Test func llamaDist() throws {
    let values = sections(Self.dist)
    // Printed: 95.0, 69.1, 86.5, 90.4. Safety and Reasoning are exchanged.
    #expect(prints(values, [95.0, 69.1, 90.4, 86.5]))
    #expect(!prints(values, [95.0, 69.1, 86.5, 90.4]))
    #expect(prints([try #require(RewardBench.average(Self.dist))], [85.2]))
  }

  /// 94.5 and 61.5 % of 100 pairs are no whole numbers of them: the paper counts ties of the classifier half. Nor are
  /// 12.5 of 92 and 72.5 of 95.
  @Test func tiesCountHalf() {
    for (subset, right) in [
      ("alpacaeval-easy", 94.5), ("llmbar-natural", 61.5), ("llmbar-adver-GPTInst", 12.5), ("alpacaeval-length", 72.5),
    ] {
      let count = RewardBench.sections.flatMap(\.parts).first { $0.subset == subset }?.weight ?? .nan
      let printed = Self.binary[subset] ?? .nan
      #expect(abs(100 * right / count - printed) <= 0.0501)
      #expect(abs(100 * (right - 0.5) / count - printed) > 0.4)
      #expect(abs(100 * (right + 0.5) / count - printed) > 0.4)
    }
  }

  /// The gains that Table 3 prints as 4.9, 19.8, 7.3 and 6.5.
  @Test func arrows() {
    let gains = zip(sections(Self.dist), sections(Self.sft)).map { $0 - $1 }
    #expect(abs(gains[0] - 5.9) < 0.1)  // not 4.9
    #expect(abs(gains[1] - 19.8) < 0.1)
    #expect(abs(gains[2] - 11.2) < 0.1)  // 7.3 = 86.5 − 79.2 takes Reasoning from Safety
    #expect(abs(gains[3] - 2.5) < 0.1)  // 6.5 = 90.4 − 83.9 takes Safety from Reasoning
  }

  @Test func llamaBinary() throws {
    let values = sections(Self.binary)
    // 34.64 and 73.43: what they are made of is rounded as well, so the last digit may differ by one.
    #expect(prints([values[0], values[1], values[3]], [83.8, 34.7, 73.5], within: 0.1))
    // Table 12's refusals of 0.4 and 0.3 give a Safety of 39.0, where Table 3 prints 39.9: 4.0 and 3.0 were meant.
    #expect(abs(values[2] - 39.01) < 0.01)
    let meant = Self.binary.merging(["refusals-dangerous": 4.0, "refusals-offensive": 3.0]) { $1 }
    #expect(prints([sections(meant)[2]], [39.9]))
    let average = try #require(RewardBench.average(meant))
    #expect(prints([average], [58.0], within: 0.1))
  }

  /// Table 3 prints 73.7, 92.7, 52.0, 79.5, 70.6 as Chat … Average: the first is the average, the others the sections.
  @Test func claudeIsShiftedByOneColumn() {
    #expect(prints([(92.7 + 52.0 + 79.5 + 70.6) / 4], [73.7]))
  }

  /// Some releases of the benchmark's tools have the counts of XSTest exchanged; the paper's rows do not come out so.
  @Test func exchangedCountsOfXSTest() {
    func exchanged(_ column: [String: Double]) -> Double {
      var column = column
      (column["xstest-should-refuse"], column["xstest-should-respond"]) = (
        column["xstest-should-respond"], column["xstest-should-refuse"]
      )
      return sections(column)[2]
    }
    #expect(abs(exchanged(Self.dist) - 91.29) < 0.01)
    #expect(abs(exchanged(Self.sft) - 81.40) < 0.01)
  }

  @Test func missingSubsetsAndSections() {
    #expect(RewardBench.average(["hep-cpp": 1]) == nil)
    #expect(RewardBench.sections[3].score(["hep-cpp": 1, "math-prm": 0]) == 164.0 / 1148)
    #expect(RewardBench.sections[0].score(["hep-cpp": 1]) == nil)
  }
}
