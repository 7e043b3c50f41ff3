// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Testing

@Suite struct ContrastiveSamplerTests {
  private let digits = try! TokenSpace.digits(of: WordVocabulary.digitwise)

  private func example(_ text: String, _ space: TokenSpace? = nil, supervised: Bool = true) -> EncodedExample {
    let pieces = WordVocabulary.digitwise.pieces(text)
    let found = MetricFinder(space: space ?? digits).find(in: pieces, text: text)
    return EncodedExample(
      ids: pieces.map(\.id), supervised: pieces.map { _ in supervised }, metrics: found.flatMap(\.positions))
  }

  private func text(_ ids: [Int32]) -> String { ids.map { WordVocabulary.digitwise.text(of: $0)! }.joined() }

  /// A.2's example: 39 for 40 has difference 0 at the tens and 1 at the units.
  @Test func fortyAndThirtyNine() {
    let rule = ContrastiveRule(space: digits, range: 0...40)
    let contrastiveExample = ContrastiveSampler([rule], seed: 1).contrastiveExample(
      of: example("x=40"), epoch: 0, index: 0)
    #expect(text(contrastiveExample!.ids) == "x=39")
    #expect(contrastiveExample!.differences == [0, 1])
  }

  @Test(arguments: [1, 3, 25])
  func contrastiveExamplesAreNearDistinctAndUniform(radius: Int) {
    let sampler = ContrastiveSampler([ContrastiveRule(space: digits, radius: radius)], seed: 3)
    let source = example("x=0.250")
    var counts = [Int: Int]()
    for index in 0..<20_000 {
      let contrastiveExample = sampler.contrastiveExample(of: source, epoch: 1, index: index)!
      let value = Int(text(contrastiveExample.ids).replacing("x=0.", with: ""))!
      #expect(value != 250)
      #expect(abs(value - 250) <= radius)
      counts[value, default: 0] += 1
      let digits = contrastiveExample.differences.reduce(0) { $0 * 10 + Int($1!) }
      #expect(digits == abs(value - 250))
    }
    let expected = 20_000.0 / Double(2 * radius)
    #expect(counts.count == 2 * radius)
    let chiSquare = counts.values.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
    // Mean 2r − 1, standard deviation √(2(2r − 1)): five of them.
    #expect(chiSquare < Double(2 * radius - 1) + 5 * (2 * Double(2 * radius - 1)).squareRoot())
  }

  @Test func lengthIsKeptAndRangeRespected() {
    let unbounded = ContrastiveSampler([ContrastiveRule(space: digits)], seed: 0)
    for index in 0..<50 {
      #expect(text(unbounded.contrastiveExample(of: example("999"), epoch: 0, index: index)!.ids) == "998")
      #expect(text(unbounded.contrastiveExample(of: example("000"), epoch: 0, index: index)!.ids) == "001")
      #expect(
        ["09", "11"].contains(text(unbounded.contrastiveExample(of: example("10"), epoch: 0, index: index)!.ids)))
    }
    let unit = ContrastiveSampler([ContrastiveRule(space: digits, radius: 2, range: 0.3...1)], seed: 0)
    for index in 0..<50 {
      #expect(["0.4", "0.5"].contains(text(unit.contrastiveExample(of: example("0.3"), epoch: 0, index: index)!.ids)))
      #expect(["0.8", "0.9"].contains(text(unit.contrastiveExample(of: example("1.0"), epoch: 0, index: index)!.ids)))
    }
    let nowhere = ContrastiveSampler([ContrastiveRule(space: digits, range: 0.5...0.7)], seed: 0)
    #expect(nowhere.contrastiveExample(of: example("1"), epoch: 0, index: 0) == nil)
    let far = ContrastiveSampler([ContrastiveRule(space: digits, range: -9 ... -5)], seed: 0)
    #expect(far.contrastiveExample(of: example("1"), epoch: 0, index: 0) == nil)
    let wide = ContrastiveSampler([ContrastiveRule(space: digits, radius: .max)], seed: 0)
    #expect(wide.contrastiveExample(of: example("123456789012345678"), epoch: 0, index: 0) != nil)
    #expect(wide.contrastiveExample(of: example("1234567890123456789"), epoch: 0, index: 0) == nil)
  }

  @Test func theDrawDependsOnItsKeyAlone() {
    let sampler = ContrastiveSampler([ContrastiveRule(space: digits, radius: 40)], seed: 9)
    let two = example("40,50"), one = example("40")
    let drawn = (0..<40).map { sampler.contrastiveExample(of: two, epoch: 2, index: $0)! }
    #expect(drawn == (0..<40).map { sampler.contrastiveExample(of: two, epoch: 2, index: $0)! })
    // The first number's draw does not see the second.
    for index in 0..<40 {
      #expect(sampler.contrastiveExample(of: one, epoch: 2, index: index)!.ids == Array(drawn[index].ids[..<2]))
    }
    #expect(drawn != (0..<40).map { sampler.contrastiveExample(of: two, epoch: 3, index: $0)! })
    #expect(drawn != (40..<80).map { sampler.contrastiveExample(of: two, epoch: 2, index: $0)! })
    var other = sampler
    other.seed = 10
    #expect(drawn != (0..<40).map { other.contrastiveExample(of: two, epoch: 2, index: $0)! })
  }

  /// The generator's own numbers: SplitMix64 from state 0 starts with this (Vigna's reference implementation).
  @Test func generatorIsSplitMix64() {
    var generator = CounterGenerator()
    #expect(generator.next() == 0xE220_A839_7B1D_CDAF)
    #expect(generator.next() == 0x6E78_9E6A_A1B9_65F4)
  }

  @Test func whatHasNoContrastiveExampleStaysItself() {
    let sampler = ContrastiveSampler([ContrastiveRule(space: digits)], seed: 0)
    #expect(sampler.contrastiveExample(of: example("x=a"), epoch: 0, index: 0) == nil)
    #expect(sampler.contrastiveExample(of: example("40", supervised: false), epoch: 0, index: 0) == nil)
    #expect(ContrastiveSampler([nil], seed: 0).contrastiveExample(of: example("40"), epoch: 0, index: 0) == nil)
    #expect(ContrastiveSampler([], seed: 0).contrastiveExample(of: example("40"), epoch: 0, index: 0) == nil)
    var half = example("40,7")
    half.supervised[3] = false
    let contrastiveExample = sampler.contrastiveExample(of: half, epoch: 0, index: 0)!
    #expect(contrastiveExample.differences[2] == nil && contrastiveExample.ids[3] == half.ids[3])
    #expect(contrastiveExample.differences[0] != nil)
    // A number with a digit missing among its candidates has no contrastive example.
    var broken = example("123")
    broken.metrics.remove(at: 1)
    #expect(sampler.contrastiveExample(of: broken, epoch: 0, index: 0) == nil)
  }

  @Test func wholeValuesDrawACandidate() throws {
    let grades = try TokenSpace(name: "g", ids: [15, 16, 17, 18], values: [0, 1, 1.5, 4], base: [1, 1, 0, 1])
    let sampler = ContrastiveSampler([ContrastiveRule(space: grades)], seed: 0)
    func contrastiveExample(_ candidate: Int, index: Int = 0) -> ContrastiveExample? {
      let metric = MetricPosition(position: 0, candidate: candidate, number: 0)
      return sampler.contrastiveExample(
        of: EncodedExample(ids: [grades.ids[candidate]], supervised: [true], metrics: [metric]), epoch: 0,
        index: index)
    }
    #expect(contrastiveExample(0) == ContrastiveExample(ids: [16], differences: [1]))
    // Never the massless 1.5.
    for index in 0..<20 {
      #expect(contrastiveExample(1, index: index) == ContrastiveExample(ids: [15], differences: [1]))
    }
    #expect(contrastiveExample(3) == nil)
  }
}
