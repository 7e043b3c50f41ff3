import MetricTokens
import Testing

@Suite struct NeighbourSamplerTests {
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
    let rule = NeighbourRule(space: digits, range: 0...40)
    let neighbour = NeighbourSampler([rule], seed: 1).neighbour(of: example("x=40"), epoch: 0, index: 0)
    #expect(text(neighbour!.ids) == "x=39")
    #expect(neighbour!.differences == [0, 1])
  }

  @Test(arguments: [1, 3, 25])
  func neighboursAreNearDistinctAndUniform(radius: Int) {
    let sampler = NeighbourSampler([NeighbourRule(space: digits, radius: radius)], seed: 3)
    let source = example("x=0.250")
    var counts = [Int: Int]()
    for index in 0..<20_000 {
      let neighbour = sampler.neighbour(of: source, epoch: 1, index: index)!
      let value = Int(text(neighbour.ids).replacing("x=0.", with: ""))!
      #expect(value != 250 && abs(value - 250) <= radius)
      counts[value, default: 0] += 1
      let digits = neighbour.differences.reduce(0) { $0 * 10 + Int($1!) }
      #expect(digits == abs(value - 250))
    }
    let expected = 20_000.0 / Double(2 * radius)
    #expect(counts.count == 2 * radius)
    let chiSquare = counts.values.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
    // Mean 2r − 1, standard deviation √(2(2r − 1)): five of them.
    #expect(chiSquare < Double(2 * radius - 1) + 5 * (2 * Double(2 * radius - 1)).squareRoot())
  }

  @Test func lengthIsKeptAndRangeRespected() {
    let unbounded = NeighbourSampler([NeighbourRule(space: digits)], seed: 0)
    for index in 0..<50 {
      #expect(text(unbounded.neighbour(of: example("999"), epoch: 0, index: index)!.ids) == "998")
      #expect(text(unbounded.neighbour(of: example("000"), epoch: 0, index: index)!.ids) == "001")
      #expect(["09", "11"].contains(text(unbounded.neighbour(of: example("10"), epoch: 0, index: index)!.ids)))
    }
    let unit = NeighbourSampler([NeighbourRule(space: digits, radius: 2, range: 0.3...1)], seed: 0)
    for index in 0..<50 {
      #expect(["0.4", "0.5"].contains(text(unit.neighbour(of: example("0.3"), epoch: 0, index: index)!.ids)))
      #expect(["0.8", "0.9"].contains(text(unit.neighbour(of: example("1.0"), epoch: 0, index: index)!.ids)))
    }
    let nowhere = NeighbourSampler([NeighbourRule(space: digits, range: 0.5...0.7)], seed: 0)
    #expect(nowhere.neighbour(of: example("1"), epoch: 0, index: 0) == nil)
    let far = NeighbourSampler([NeighbourRule(space: digits, range: -9 ... -5)], seed: 0)
    #expect(far.neighbour(of: example("1"), epoch: 0, index: 0) == nil)
    let wide = NeighbourSampler([NeighbourRule(space: digits, radius: .max)], seed: 0)
    #expect(wide.neighbour(of: example("123456789012345678"), epoch: 0, index: 0) != nil)
    #expect(wide.neighbour(of: example("1234567890123456789"), epoch: 0, index: 0) == nil)
  }

  @Test func theDrawDependsOnItsKeyAlone() {
    let sampler = NeighbourSampler([NeighbourRule(space: digits, radius: 40)], seed: 9)
    let two = example("40,50"), one = example("40")
    let drawn = (0..<40).map { sampler.neighbour(of: two, epoch: 2, index: $0)! }
    #expect(drawn == (0..<40).map { sampler.neighbour(of: two, epoch: 2, index: $0)! })
    // The first number's draw does not see the second.
    for index in 0..<40 {
      #expect(sampler.neighbour(of: one, epoch: 2, index: index)!.ids == Array(drawn[index].ids[..<2]))
    }
    #expect(drawn != (0..<40).map { sampler.neighbour(of: two, epoch: 3, index: $0)! })
    #expect(drawn != (40..<80).map { sampler.neighbour(of: two, epoch: 2, index: $0)! })
    var other = sampler
    other.seed = 10
    #expect(drawn != (0..<40).map { other.neighbour(of: two, epoch: 2, index: $0)! })
  }

  /// The generator's own numbers: SplitMix64 from state 0 starts with this (Vigna's reference implementation).
  @Test func generatorIsSplitMix64() {
    var generator = CounterGenerator()
    #expect(generator.next() == 0xE220_A839_7B1D_CDAF)
    #expect(generator.next() == 0x6E78_9E6A_A1B9_65F4)
  }

  @Test func whatHasNoNeighbourStaysItself() {
    let sampler = NeighbourSampler([NeighbourRule(space: digits)], seed: 0)
    #expect(sampler.neighbour(of: example("x=a"), epoch: 0, index: 0) == nil)
    #expect(sampler.neighbour(of: example("40", supervised: false), epoch: 0, index: 0) == nil)
    #expect(NeighbourSampler([nil], seed: 0).neighbour(of: example("40"), epoch: 0, index: 0) == nil)
    #expect(NeighbourSampler([], seed: 0).neighbour(of: example("40"), epoch: 0, index: 0) == nil)
    var half = example("40,7")
    half.supervised[3] = false
    let neighbour = sampler.neighbour(of: half, epoch: 0, index: 0)!
    #expect(neighbour.differences[2] == nil && neighbour.ids[3] == half.ids[3])
    #expect(neighbour.differences[0] != nil)
    // A number with a digit missing among its candidates has no neighbour.
    var broken = example("123")
    broken.metrics.remove(at: 1)
    #expect(sampler.neighbour(of: broken, epoch: 0, index: 0) == nil)
  }

  @Test func wholeValuesDrawACandidate() throws {
    let grades = try TokenSpace(name: "g", ids: [15, 16, 17, 18], values: [0, 1, 1.5, 4], base: [1, 1, 0, 1])
    let sampler = NeighbourSampler([NeighbourRule(space: grades)], seed: 0)
    func neighbour(_ candidate: Int, index: Int = 0) -> NeighbourExample? {
      let metric = MetricPosition(position: 0, candidate: candidate, number: 0)
      return sampler.neighbour(
        of: EncodedExample(ids: [grades.ids[candidate]], supervised: [true], metrics: [metric]), epoch: 0,
        index: index)
    }
    #expect(neighbour(0) == NeighbourExample(ids: [16], differences: [1]))
    // Never the massless 1.5.
    for index in 0..<20 { #expect(neighbour(1, index: index) == NeighbourExample(ids: [15], differences: [1])) }
    #expect(neighbour(3) == nil)
  }
}
