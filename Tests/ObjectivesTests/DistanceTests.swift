// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch

@Suite struct DistanceTests {
  private static let codes = try! CodeBook(
    [0, 0, 1, 0, 0, 2, -3, 0.5, 0, 0, 1e3, 1e3, 1e-3, 0, 7, 7].map { $0 + 0.25 }, count: 8, dimensions: 2)
  private static let table = (0..<8).map { x in (0..<8).map { y in Double((x - y).magnitude * UInt(x < y ? 1 : 2)) } }

  /// Eight candidates, with a duplicate value and values between the integers.
  private let space = try! TokenSpace(name: "eight", ids: Array(10..<18), values: [0, 1, 1, 2.5, -4, 359, 360, 1e6])

  /// The same without what has no logarithm.
  private let positive = try! TokenSpace(
    name: "eight", ids: Array(10..<18), values: [3, 1, 1, 2.5, 0.01, 359, 360, 1e6])

  private func matrix(_ distance: any Distance, _ space: TokenSpace) -> [[Double]] {
    let rows = distance.rows(from: Array(0..<space.count), over: space, dtype: .float64, device: .cpu)
    #expect(rows.shape == [space.count, space.count])
    let values = rows.array(of: Double.self)
    return (0..<space.count).map { Array(values[$0 * space.count..<($0 + 1) * space.count]) }
  }

  /// Every registered distance keeps what it promises and what it claims.
  @Test(arguments: DistanceRegistry.names, [ShuffledDistance.Unit.pairs, .tokens])
  func everyDistanceKeepsItsPromises(name: String, unit: ShuffledDistance.Unit) throws {
    let parameters = DistanceParameters(
      [
        "period": .number(360), "table": .table(Self.table), "of": .text("squared"), "seed": .integer(3),
        "by": .text(unit.rawValue),
      ], codeBook: Self.codes)
    let distance = try DistanceRegistry.make(name, parameters)
    let space = name == "relative" ? positive : space
    #expect(distance.name == name)
    try distance.check(space)
    #expect(
      checkDistance(
        matrix(distance, space), symmetric: distance.isSymmetric, triangle: distance.satisfiesTriangleInequality) == [])
    // Rows in any order, repeated, and none, are those of the matrix.
    let all = matrix(distance, space)
    let rows = distance.rows(from: [5, 0, 5], over: space, dtype: .float32, device: .cpu)
    #expect(rows.dtype == .float32)
    #expect(rows.shape == [3, 8])
    for (single, double) in zip(rows.array(of: Double.self), all[5] + all[0] + all[5]) {
      #expect(abs(single - double) <= 1e-4 * double)
    }
    #expect(distance.rows(from: [], over: space, dtype: .float64, device: .cpu).shape == [0, 8])
  }

  @Test func valuesAsDefined() throws {
    #expect(matrix(.squared, space)[0][3] == 6.25)
    #expect(matrix(.absolute, space)[3][4] == 6.5)
    #expect(matrix(.discrete, space)[1] == [1, 0, 0, 1, 1, 1, 1, 1])
    let circle = try CircularDistance(period: 360)
    #expect(matrix(circle, space)[0][5] == 1)
    #expect(matrix(circle, space)[0][6] == 0)
    #expect(circle.distance(from: 350, to: 10) == 20)
    #expect(circle.distance(from: -10, to: 730) == 20)
    #expect(circle.distance(from: 0, to: 180) == 180)
    #expect(abs(matrix(RelativeDistance(), positive)[0][3] - pow(log(3) - log(2.5), 2)) < 1e-15)
    let labels = try TokenSpace(name: "l", ids: [1, 2, 3])
    #expect(matrix(.discrete, labels) == [[0, 1, 1], [1, 0, 1], [1, 1, 0]])
  }

  /// Equation 7, and codes so long or so short that their squares leave float64's or float32's range.
  @Test func embeddingsAsDefined() throws {
    let book = try CodeBook([1, 0, 0, 2, -3, 0, 1e-30, 1e-30, 1e30, 1e30], count: 5, dimensions: 2)
    let five = try TokenSpace.all(5)
    let half = 1 - 0.5.squareRoot()
    let cosine = matrix(try CosineDistance(book), five)
    #expect(largestDifference(cosine[0], [0, 1, 2, half, half]) < 1e-7)
    #expect(cosine[3][4] < 1e-14)
    #expect(abs(matrix(EuclideanDistance(book), five)[0][1] - 5.0.squareRoot()) < 1e-12)
    #expect(abs(matrix(MeanSquaredDistance(book), five)[0][1] - 2.5) < 1e-12)
  }

  /// Table 8 (docs/paper-map.md Q27): symmetric, zero diagonal, off the diagonal a permutation of the true distances.
  @Test(arguments: [ShuffledDistance.Unit.pairs, .tokens])
  func shuffledDealsOutTheTrueDistances(unit: ShuffledDistance.Unit) throws {
    let truth = matrix(.squared, space)
    let shuffled = matrix(try ShuffledDistance(.squared, seed: 1, by: unit), space)
    #expect(shuffled != truth)
    #expect(shuffled.flatMap { $0 }.sorted() == truth.flatMap { $0 }.sorted())
    #expect(shuffled == matrix(try ShuffledDistance(.squared, seed: 1, by: unit), space))
    #expect(shuffled != matrix(try ShuffledDistance(.squared, seed: 2, by: unit), space))
    #expect(throws: ObjectiveError.self) { try ShuffledDistance(TableDistance([[0, 1], [2, 0]]), seed: 1, by: unit) }
  }

  /// Each entry lands in each place equally often: a biased shuffle would leave some geometry.
  @Test func shuffledIsUniform() throws {
    let three = try TokenSpace(name: "t", ids: [1, 2, 3], values: [0, 1, 3])  // distances 1, 4, 9
    var counts = [Double: Int]()
    for seed in 0..<6000 {
      counts[matrix(try ShuffledDistance(.squared, seed: UInt64(seed)), three)[0][1], default: 0] += 1
    }
    #expect(Set(counts.keys) == [1, 4, 9])
    for count in counts.values { #expect(abs(count - 2000) < 200) }
  }

  @Test func unsuitableSpacesAreRefused() throws {
    let labels = try TokenSpace.all(8)
    for name in ["squared", "absolute", "circular", "relative"] {
      let distance = try DistanceRegistry.make(name, ["period": .integer(10)])
      let error = #expect(throws: ObjectiveError.self) { try distance.check(labels) }
      #expect(error?.description.contains("codebook have no values") == true)
    }
    let zero = #expect(throws: ObjectiveError.self) { try RelativeDistance().check(space) }
    #expect(zero?.description.contains("has the value 0.0") == true)
    let nine = try TokenSpace.all(9)
    #expect(throws: ObjectiveError.self) { try TableDistance(Self.table).check(nine) }
    #expect(throws: ObjectiveError.self) { try EuclideanDistance(Self.codes).check(nine) }
    #expect(throws: ObjectiveError.self) { try ShuffledDistance(.discrete, seed: 0).check(TokenSpace.all(4096)) }
  }

  @Test func malformedParametersAreRefused() throws {
    #expect(throws: ObjectiveError.self) { try CircularDistance(period: 0) }
    #expect(throws: ObjectiveError.self) { try CircularDistance(period: .nan) }
    #expect(throws: ObjectiveError.self) { try TableDistance([[0, 1], [1]]) }
    #expect(throws: ObjectiveError.self) { try TableDistance([[0, 1], [1, 0.5]]) }
    #expect(throws: ObjectiveError.self) { try TableDistance([[0, -1], [1, 0]]) }
    #expect(throws: ObjectiveError.self) { try TableDistance([[0, .infinity], [1, 0]]) }
    #expect(throws: ObjectiveError.self) { try CodeBook([1, 2, 3], count: 2, dimensions: 2) }
    #expect(throws: ObjectiveError.self) { try CodeBook([], count: 0, dimensions: 2) }
    #expect(throws: ObjectiveError.self) { try CodeBook(Tensor([1.0, 2.0])) }
    let zero = try CodeBook([1, 1, 0, 0], count: 2, dimensions: 2)
    #expect(#expect(throws: ObjectiveError.self) { try CosineDistance(zero) }?.problem.contains("embedding 1") == true)
    let nan = #expect(throws: ObjectiveError.self) { try CodeBook([1, 1, 0, .nan], count: 2, dimensions: 2) }
    #expect(nan?.problem.contains("embedding 1") == true)
  }

  /// A distance of a program's own: one line registers it, and it reads its parameters itself.
  /// In a process of its own, since what is registered stays so.
  @Test func aDistanceOfOnesOwnIsMadeByName() async {
    await #expect(processExitsWith: .success) { try DistanceTests.registersADistance() }
  }

  static func registersADistance() throws {
    DistanceRegistry.register(DialDistance.self)
    DistanceRegistry.register(DialDistance.self)  // no harm
    #expect(DistanceRegistry.names.filter { $0 == "dial" } == ["dial"])
    #expect(DistanceRegistry.namesBetweenValues.contains("dial"))
    #expect(DistanceRegistry.parameters.contains(DistanceParameter("hours", .integer)))
    let distance = try #require(DistanceRegistry.make("dial", ["hours": .integer(24)]) as? any ValueDistance)
    #expect(distance.name == "dial")
    #expect(distance.distance(from: 23, to: 1) == 4)
    let unsized = try #require(DistanceRegistry.make("dial") as? any ValueDistance)
    #expect(unsized.distance(from: 0, to: 2.5) == 6.25)
    let target = try TargetDistribution(DistanceRegistry.make("dial"), temperature: .value(2))
      .resolved(over: TokenSpace(name: "hours", ids: Array(0..<12), values: (0..<12).map(Double.init)))
      .probabilities(around: 11)
    #expect(abs(target[0] - target[10]) < 1e-15)
    let bad = #expect(throws: ObjectiveError.self) { try DistanceRegistry.make("dial", ["hours": .text("many")]) }
    #expect(
      bad?.description == "dial distance: its parameter hours is not a whole number. "
        + "Add `hours: …`, a whole number, to the distance.")
    // Whole numbers can be as far apart.
    let between = distance.betweenNumbers
    #expect(between(1, 23) == 4)
    let equal = try DialDistance(["hours": .integer(24)]), other = try DialDistance(["hours": .integer(12)])
    #expect(between == .other(AnyNumberMetric(equal)))
    #expect(between != .other(AnyNumberMetric(other)))
  }

  /// Distances of tokens and of whole numbers are one: same values, by both ways.
  @Test(arguments: ["squared", "absolute", "circular", "relative"])
  func whatIsBetweenTokensIsBetweenNumbers(name: String) throws {
    let distance = try #require(
      DistanceRegistry.make(name, ["period": .number(7.5)]) as? any ValueDistance)
    if case .other = distance.betweenNumbers { Issue.record("\(name) has a closed form") }
    for x in [0.5, 3, 11.25] {
      for y in [0.5, 2, 40] { #expect(distance.distance(from: x, to: y) == distance.betweenNumbers(y, x)) }
    }
  }

  @Test func registryNamesWhatItKnowsAndWhatIsMissing() {
    let unknown = #expect(throws: ObjectiveError.self) { try DistanceRegistry.make("euclid") }
    #expect(unknown?.remedy.contains("euclidean") == true)
    for name in ["circular", "table", "cosine", "euclidean", "meanSquared", "shuffled"] {
      let error = #expect(throws: ObjectiveError.self) { try DistanceRegistry.make(name) }
      #expect(error?.part == "\(name) distance")
    }
    let period = #expect(throws: ObjectiveError.self) { try DistanceRegistry.make("circular") }
    #expect(period?.problem == "its parameter period is missing")
    for wrong: DistanceParameters in [
      ["of": .text("shuffled")], ["of": .text("squared"), "by": .text("rows")],
      ["of": .text("squared"), "seed": .integer(-1)],
    ] {
      #expect(throws: ObjectiveError.self) { try DistanceRegistry.make("shuffled", wrong) }
    }
  }

  /// The checker itself notices each kind of fault.
  @Test func theCheckerCanFail() {
    #expect(checkDistance([[0, 1], [1, 0]], symmetric: true, triangle: true) == [])
    #expect(checkDistance([[0.1, 1], [1, 0]], symmetric: false, triangle: false) != [])
    #expect(checkDistance([[0, -1], [-1, 0]], symmetric: false, triangle: false) != [])
    #expect(checkDistance([[0, 1], [2, 0]], symmetric: true, triangle: false) != [])
    #expect(checkDistance([[0, 1, 4], [1, 0, 1], [4, 1, 0]], symmetric: true, triangle: true) != [])
    #expect(checkTargets([[0.5, 0.4]], distances: [[0, 1]]) != [])
    #expect(checkTargets([[0.4, 0.6]], distances: [[0, 1]]) != [])
    #expect(checkTargets([[1.1, -0.1]], distances: [[0, 1]]) != [])
    let halved = DifferentiableFunction(inputs: 1, outputs: 1) {
      [$0[0].square()]
    } backward: {
      [$2[0]! * $0[0]]
    }
    #expect(checkGradients(of: { halved($0[0])[0].sum() }, at: [Tensor([1.0, 2.0])]) != [])
    #expect(checkGradients(of: { $0[0].square().sum() }, at: [Tensor([1.0, 2.0])]) == [])
  }
}

/// The shorter way round a dial, squared.
private struct DialDistance: ValueDistance, NamedDistance {
  static let name = "dial"
  static let parameters = [DistanceParameter("hours", .integer)]
  let isSymmetric = true
  let satisfiesTriangleInequality = false
  let hours: Double

  init(_ parameters: DistanceParameters) throws { hours = Double(try parameters.integer("hours", default: 12)) }

  func distance(from x: Double, to y: Double) -> Double {
    let way = abs(x - y).truncatingRemainder(dividingBy: hours)
    return pow(min(way, hours - way), 2)
  }
}
