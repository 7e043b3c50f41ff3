// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Torch
import TorchNN

@Suite struct RotaryTests {
  /// The definition, in float64: each pair (i, i + D/2) is turned by position · θ^(−2i/D).
  @Test func pairsAreTurnedByPositionTimesFrequency() {
    let width = 6, theta = 100.0
    let rotary = RotaryEmbedding(width: width, theta: theta)
    let x = Tensor.randn([2, 5, 3, width], dtype: .float64, generator: Generator(seed: 1))
    let angles = rotary.angles(from: 4, count: 5, dtype: .float64, device: .cpu)
    let turned = rotated(query: x, key: x, cosine: angles.cos, sine: angles.sin).query
    let (input, output) = (x.array(of: Double.self), turned.array(of: Double.self))
    for index in 0..<input.count where index % width < width / 2 {
      let position = Double(index / (3 * width) % 5 + 4), i = index % width
      let angle = position * pow(theta, -2 * Double(i) / Double(width))
      let (a, b) = (input[index], input[index + width / 2])
      #expect(abs(output[index] - (a * cos(angle) - b * sin(angle))) < 1e-6)
      #expect(abs(output[index + width / 2] - (b * cos(angle) + a * sin(angle))) < 1e-6)
    }
  }

  /// transformers: LlamaRotaryEmbedding's inv_freq of head_dim 8, theta 100, llama3 with factor 8, low 1, high 4,
  /// original length 32: one wavelength kept, one blended, two stretched; and linear with factor 4.
  @Test(arguments: [
    (
      RotaryEmbedding.Scaling.llama3(factor: 8, low: 1, high: 4, originalLength: 32),
      [1.0, 0.0958399772644043, 0.012500000186264515, 0.0039528473280370235]
    ),
    (.linear(factor: 4), [0.25, 0.07905694097280502, 0.02500000037252903, 0.007905694656074047]),
    (.none, [1.0, 0.3162277638912201, 0.10000000149011612, 0.03162277862429619]),
  ])
  func frequenciesAreThoseOfTransformers(scaling: RotaryEmbedding.Scaling, expected: [Double]) {
    let rotary = RotaryEmbedding(width: 8, theta: 100, scaling: scaling)
    // At position 1 an angle is its frequency; all lie in the first quadrant, where the arc sine is exact enough.
    let angles = rotary.angles(from: 1, count: 1, dtype: .float64, device: .cpu)
    for (index, frequency) in expected.enumerated() {
      let (sine, cosine) = (angles.sin.array(of: Double.self)[index], angles.cos.array(of: Double.self)[index])
      #expect(abs(atan2(sine, cosine) / frequency - 1) < 2e-7)
    }
  }

  @Test func tablesAndSinglePositionsAgreeAndTablesGrow() {
    let rotary = RotaryEmbedding(width: 8, theta: 10_000)
    for (start, count) in [(0, 3), (250, 10), (1000, 1), (5, 2)] {
      let table = rotary.angles(from: start, count: count, dtype: .float32, device: .cpu)
      let positions = Tensor((start..<start + count).map(Int64.init), shape: [1, count])
      let single = rotary.angles(at: positions, dtype: .float32)
      #expect(single.cos.shape == [1, count, 4])
      #expect(table.cos.isEqual(to: single.cos.squeeze(0)))
      #expect(table.sin.isEqual(to: single.sin.squeeze(0)))
    }
  }
}
