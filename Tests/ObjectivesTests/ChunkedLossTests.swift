// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import Testing
import Torch

/// Losses of hidden states as a composition of operators, for some rows at a time: those of all rows at once.
@Suite struct ChunkedLossTests {
  private static let objectives: [(name: String, objective: Objective)] =
    FusedPlanTests.objectives
    + [
      ("expected distance", try! objective(.expectedDistance)),
      ("policy gradient", try! objective(.policyGradient(samples: 3, baseline: .leaveOneOut))),
    ]

  private static func objective(_ divergence: Divergence) throws -> Objective {
    .crossEntropy + 0.3
      * (try DistanceLoss(
        Samples.digits, target: TargetDistribution(.squared, temperature: 2), divergence: divergence, place: .powerOfTen
      ))
  }

  private struct Outcome {
    var values: [Double]
    var gradients: [Tensor]

    /// - Parameter passes: backward passes through the same graph.
    init(_ objective: Objective, rows: Int, cap: Double?, dtype: DType = .float64, passes: Int = 1) {
      let supervision = Samples.supervision(rows, v: 40)
      let leaves = [
        Samples.logits(rows, 6), Samples.logits(40, 6, seed: 1, scale: 1), Samples.logits(1, 40, seed: 2).select(0, 0),
        Samples.logits(supervision.contrastLogitRows.count, 6, seed: 3),
      ].map { $0.to(dtype).clone().requiresGrad(true) }
      let value = objective(
        hidden: leaves[0], contrastHidden: leaves[3], head: OutputHead(weight: leaves[1], bias: leaves[2], cap: cap),
        supervision: supervision, denominators: objective.denominators(of: [supervision]))
      for pass in 1...passes { (value.total * 2).backward(retainGraph: pass < passes) }
      values = [value.total.item()] + value.lossTerms.map { $0.value.item() }
      gradients = leaves.map { ($0.grad ?? $0.zerosLike()).to(.float64) * (1 / Double(passes)) }
    }

    func expectEqual(_ other: Outcome, _ name: String, tolerance: Double) {
      for (a, b) in zip(values, other.values) {
        #expect(abs(a - b) <= tolerance * max(1, abs(b)), "\(name): \(a), \(b)")
      }
      for (a, b) in zip(gradients, other.gradients) {
        #expect((a - b).norm().item() <= tolerance * max(b.norm().item(), 1), "\(name): gradient")
      }
    }
  }

  @Test(arguments: objectives.indices, [1, 4]) func chunksEqualTheWhole(index: Int, rowsAtOnce: Int) {
    let (name, objective) = Self.objectives[index]
    for cap in [nil, 3.0] {
      let whole = Outcome(objective, rows: 11, cap: cap)
      let chunked = RowsAtOnce.$number.withValue(rowsAtOnce) { Outcome(objective, rows: 11, cap: cap) }
      chunked.expectEqual(whole, "\(name) \(cap ?? 0)", tolerance: 1e-12)
    }
  }

  @Test func aGraphThatIsKeptGivesTheSameAgain() {
    RowsAtOnce.$number.withValue(4) {
      Outcome(Samples.dist, rows: 11, cap: nil, passes: 3)
        .expectEqual(Outcome(Samples.dist, rows: 11, cap: nil), "three passes", tolerance: 1e-12)
    }
  }

  @Test func halfPrecisionIsSummedInFloat32() {
    let exact = Outcome(Samples.dist, rows: 11, cap: nil)
    withKernels(.plain) {
      RowsAtOnce.$number.withValue(4) {
        Outcome(Samples.dist, rows: 11, cap: nil, dtype: .bfloat16).expectEqual(exact, "bfloat16", tolerance: 0.03)
      }
    }
  }

  /// Logits `[512, 2¹⁸]` take 512 MiB, and autograd several times that.
  @Test func memoryIsThatOfAChunk() async {
    await #expect(processExitsWith: .success) {
      func kilobytes(_ field: String) -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix(field) } ?? ""
        return line.split(separator: " ").compactMap { Int($0) }.first ?? 0
      }
      Torch.threads = 1
      let rows = 512, vocabulary = 1 << 18
      let hidden = Samples.logits(rows, 2, scale: 1).to(.float32).requiresGrad(true)
      let weight = Tensor.zeros([vocabulary, 2]).normal_(std: 1, generator: Generator(seed: 1)).requiresGrad(true)
      let supervision = Samples.supervision(rows, v: 40), objective = Objective.crossEntropy
      let before = kilobytes("VmRSS:")
      withKernels(.plain) {
        RowsAtOnce.$number.withValue(16) {
          objective(
            hidden: hidden, head: OutputHead(weight: weight), supervision: supervision,
            denominators: objective.denominators(of: [supervision])
          ).total.backward()
        }
      }
      #expect(weight.grad != nil && before > 0)
      let grown = (kilobytes("VmHWM:") - before) / 1024
      #expect(grown < 256, "\(grown) MiB")
    }
  }
}
