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
      period: 360, table: Self.table, codeBook: Self.codes, original: "squared", seed: 3, shuffle: unit)
    let distance = try DistanceRegistry.make(name, parameters)
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
    for name in ["squared", "absolute", "circular"] {
      let distance = try DistanceRegistry.make(name, DistanceParameters(period: 10))
      let error = #expect(throws: ObjectiveError.self) { try distance.check(labels) }
      #expect(error?.description.contains("codebook have no values") == true)
    }
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

  @Test func registryNamesWhatItKnowsAndWhatIsMissing() {
    let unknown = #expect(throws: ObjectiveError.self) { try DistanceRegistry.make("euclid") }
    #expect(unknown?.remedy.contains("euclidean") == true)
    for name in ["circular", "table", "cosine", "euclidean", "meanSquared", "shuffled"] {
      #expect(throws: ObjectiveError.self) { try DistanceRegistry.make(name) }
    }
    #expect(throws: ObjectiveError.self) {
      try DistanceRegistry.make("shuffled", DistanceParameters(original: "shuffled"))
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
