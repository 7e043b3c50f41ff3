// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import Testing
import Torch

/// Objectives by our kernels equal the composition of operators: total, every loss term, every gradient.
@Suite struct FusedPlanTests {
  static let objectives: [(name: String, objective: Objective)] = {
    let presets = Preset.allCases.map { ("\($0)", try! Objective($0, distanceLosses: [Samples.distanceLoss])) }
    let target = TargetDistribution(.squared, temperature: 2)
    var variants = DistanceLoss.Softmax.allCases.flatMap { softmax in
      DistanceLoss.Direction.allCases.flatMap { direction in
        [Contrast.none, .shared(), .twoPass()].map { contrast in
          let distanceLoss = try! DistanceLoss(
            Samples.digits, target: target, softmax: softmax, direction: direction, place: .powerOfTen,
            contrast: contrast)
          return ("\(softmax) \(direction) \(contrast)", Objective.crossEntropy + 0.3 * distanceLoss)
        }
      }
    }
    var two = Samples.dist
    two.add(try! Samples.distanceLoss.with(place: PlaceRule.none, name: "again"), weight: -0.2, metric: 0)
    two.labelSmoothing = 0.1
    two.reduction = .literalSums
    variants.append(("two terms of one metric", two))
    return presets + variants
  }()

  private struct Outcome {
    var values: [Double]
    var gradients: [Tensor]

    init(_ inputs: [Tensor], _ loss: ([Tensor]) -> LossValue) {
      let leaves = inputs.map { $0.clone().requiresGrad(true) }
      let value = loss(leaves)
      value.total.backward()
      values = [value.total.item()] + value.lossTerms.map { $0.value.item() }
      gradients = leaves.map { ($0.grad ?? $0.zerosLike()).to(.float64) }
    }

    func expectEqual(_ other: Outcome, _ name: String, tolerance: Double) {
      for (a, b) in zip(values, other.values) {
        #expect(abs(a - b) <= tolerance * max(1, abs(b)), "\(name): \(a), \(b)")
      }
      for (a, b) in zip(gradients, other.gradients) {
        // Where the exact gradient is 0, float32 leaves some 1e-13 of cancelled terms.
        #expect((a - b).norm().item() <= max(tolerance * b.norm().item(), 1e-12), "\(name): gradient")
      }
    }
  }

  @Test(arguments: objectives.indices, [1, 9]) func kernelsEqualOperators(index: Int, rows: Int) {
    let (name, objective) = Self.objectives[index]
    let supervision = Samples.supervision(rows, v: 40), denominators = objective.denominators(of: [supervision])
    let hidden = Samples.logits(rows, 6), weight = Samples.logits(40, 6, seed: 1, scale: 1)
    let bias = Samples.logits(1, 40, seed: 2).select(0, 0)
    let contrast = Samples.logits(supervision.contrastLogitRows.count, 6, seed: 3)
    func fromHidden(_ x: [Tensor]) -> LossValue {
      objective(
        hidden: x[0], contrastHidden: x[3], head: OutputHead(weight: x[1], bias: x[2]), supervision: supervision,
        denominators: denominators)
    }
    func fromLogits(_ x: [Tensor]) -> LossValue {
      objective(logits: x[0], contrastLogits: x[1], supervision: supervision, denominators: denominators)
    }
    let states = [hidden, weight, bias, contrast]
    let logits = [hidden, contrast].map { $0.linear(weight, bias) }
    #expect(FusedLoss.takes(hidden.to(.float32)))
    #expect(!FusedLoss.takes(hidden))
    for (inputs, loss) in [(states, fromHidden), (logits, fromLogits)] {
      // Measures that the kernels decline are operators in float32, which round more often.
      let isFused = objective.terms.allSatisfy { $0.distanceLoss.divergence == .kullbackLeibler }
      Outcome(inputs.map { $0.to(.float32) }, loss)
        .expectEqual(Outcome(inputs, loss), name, tolerance: isFused ? 1e-6 : 4e-6)
    }
  }

  /// A head whose logits are bounded (Gemma 2) gives the loss of bounded logits, never that of the bare products.
  @Test(arguments: [DType.float32, .float64]) func aBoundedHeadIsHeeded(dtype: DType) {
    let objective = Samples.dist, supervision = Samples.supervision(9, v: 40)
    let denominators = objective.denominators(of: [supervision]), cap = 3.0
    let states = [
      Samples.logits(9, 6), Samples.logits(40, 6, seed: 1, scale: 1), Samples.logits(1, 40, seed: 2).select(0, 0),
      Samples.logits(supervision.contrastLogitRows.count, 6, seed: 3),
    ].map { $0.to(dtype) }
    func run(cap: Double?) -> Outcome {
      Outcome(states) { x in
        objective(
          hidden: x[0], contrastHidden: x[3], head: OutputHead(weight: x[1], bias: x[2], cap: cap),
          supervision: supervision, denominators: denominators)
      }
    }
    let byHand = Outcome(states) { x in
      func bounded(_ hidden: Tensor) -> Tensor { (hidden.linear(x[1], x[2]) / cap).tanh() * cap }
      return objective(
        logits: bounded(x[0]), contrastLogits: bounded(x[3]), supervision: supervision, denominators: denominators)
    }
    run(cap: cap).expectEqual(byHand, "bounded", tolerance: 1e-6)
    #expect(abs(run(cap: nil).values[0] - byHand.values[0]) > 0.1)
  }

  /// A code book too large for a table: kernels make targets of its vectors, operators take rows of distances.
  @Test(arguments: ["meanSquared", "cosine", "euclidean"]) func largeCodeBooksEqualOperators(name: String) throws {
    let count = ResolvedTarget.largestTable + 77, rows = 6
    let book = try CodeBook(Samples.logits(count, 8, seed: 4).to(.float32))
    let distance: any Distance =
      switch name {
      case "cosine": try CosineDistance(book)
      case "euclidean": EuclideanDistance(book)
      default: MeanSquaredDistance(book)
      }
    let space = try TokenSpace(name: "codes", ids: Array(0..<Int32(count)))
    let distanceLoss = try DistanceLoss(space, target: TargetDistribution(distance, temperature: .perplexity(50)))
    let objective = try Objective(.dist, distanceLosses: [distanceLoss])
    let supervision = Supervision(
      logitRows: (0..<Int32(rows)).map { $0 }, labels: (0..<Int32(rows)).map { 17 * $0 },
      metrics: (0..<rows).map { row in
        MetricTarget(logitRow: row, metric: 0, candidate: 17 * row, place: .whole, contrast: nil, stream: 0)
      })
    let denominators = objective.denominators(of: [supervision])
    func outcome(_ type: DType) -> Outcome {
      Outcome([Samples.logits(rows, 6).to(type), Samples.logits(count, 6, seed: 1, scale: 1).to(type)]) { x in
        objective(
          hidden: x[0], head: OutputHead(weight: x[1]), supervision: supervision, denominators: denominators)
      }
    }
    let exact = withKernels(.plain) { outcome(.float64) }
    outcome(.float32).expectEqual(exact, name, tolerance: 3e-6)
  }
}
