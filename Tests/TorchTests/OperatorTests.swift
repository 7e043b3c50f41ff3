// SPDX-License-Identifier: Apache-2.0
import Testing
import Torch

/// Our operators in torch's dispatcher: there by name, differentiable, and the same on every way a call can take.
@Suite struct OperatorTests {
  /// An operator, called by name on float64 inputs.
  struct Case: CustomTestStringConvertible {
    let name: String
    let inputs: [[Int]]
    let call: @Sendable (Op, [Tensor]) -> [Tensor]
    var testDescription: String { name }

    var op: Op { Op("dist2::" + name) }
    var tensors: [Tensor] {
      inputs.enumerated().map { index, shape in
        Tensor.randn(shape, dtype: .float64, generator: Generator(seed: 40 + UInt64(index)))
      }
    }
  }

  static let cases = [
    Case(name: "rms_norm", inputs: [[2, 3, 5], [5]]) { [$0($1[0], $1[1], 1e-5)] },
    Case(name: "add_rms_norm", inputs: [[3, 5], [3, 5], [5]]) { $0.many(2, $1[0], $1[1], $1[2], 1e-5) },
    Case(name: "rotate", inputs: [[2, 3, 2, 6], [2, 3, 1, 6]]) { op, x in
      let angle = Tensor.arange(0, 6).to(.float64).view([3, 2])  // a part of the head
      return op.many(2, x[0], x[1], angle.cos().to(x[0].dtype), angle.sin().to(x[0].dtype))
    },
    Case(name: "rotate", inputs: [[2, 3, 2, 4], [2, 3, 1, 4]]) { op, x in
      let angle = Tensor.arange(0, 12).to(.float64).view([2, 3, 2])
      return op.many(2, x[0], x[1], angle.cos().to(x[0].dtype), angle.sin().to(x[0].dtype), true)
    },
    Case(name: "swiglu", inputs: [[4, 3], [4, 3]]) { [$0($1[0], $1[1])] },
    Case(name: "swiglu", inputs: [[4, 6]]) { [$0($1[0])] },
    Case(name: "gated_linear", inputs: [[4, 3], [4, 3], [2, 3]]) { [$0($1[0], $1[1], $1[2])] },
    Case(name: "linear", inputs: [[4, 3], [2, 3], [2]]) { [$0($1[0], $1[1], $1[2])] },
    Case(name: "linears", inputs: [[4, 3], [2, 3], [5, 3], [5]]) {
      $0.many(2, $1[0], [$1[1], $1[2]], [nil, $1[3]])
    },
    Case(name: "embedding", inputs: [[4, 3]]) { [$0($1[0], Tensor([1, 3, 1] as [Int64]))] },
    Case(name: "cross_entropy_distance", inputs: [[4, 7]]) { op, x in
      [
        op.many(
          2, x[0], Tensor([2, 0, -100, 6] as [Int64]), [Tensor([1, 2, 4] as [Int64])], [Tensor([0, 2, 2] as [Int64])],
          [Tensor([0.5, 1, 2])], [Tensor([0, 1, 1] as [Int64])], [Tensor([0.2, 0.3, 0.5, 1, 0, 0], shape: [2, 3])],
          [0.3], 0.25, 0.1, [true])[0]
      ]
    },
    Case(name: "linear_cross_entropy_distance", inputs: [[4, 3], [7, 3], [7]]) { op, x in
      [
        op.many(
          2, x[0], x[1], x[2], Tensor([2, 0, -100, 6] as [Int64]), [Tensor([1, 2, 4] as [Int64])],
          [Tensor([0, 2, 2] as [Int64])], [Tensor([0.5, 1, 2])], [Tensor([0, 1, 1] as [Int64])],
          [Tensor([0.2, 0.3, 0.5, 1, 0, 0], shape: [2, 3])], [0.3], 0.25)[0]
      ]
    },
  ]

  /// Central differences in float64.
  @Test(arguments: cases) func gradientsAreTheSlopes(of operation: Case) {
    let op = operation.op, inputs = operation.tensors
    func total(_ x: [Tensor]) -> Tensor {
      operation.call(op, x).enumerated().map { index, y in
        (y * Tensor.randn(y.shape, dtype: .float64, generator: Generator(seed: 70 + UInt64(index)))).sum()
      }.reduce(Tensor(scalar: 0.0)) { $0 + $1 }
    }
    let leaves = inputs.map { $0.clone().requiresGrad(true) }
    total(leaves).backward()
    for (index, input) in inputs.enumerated() {
      let step = 1e-6
      let slopes = (0..<input.count).map { element -> Double in
        func moved(_ by: Double) -> Double {
          var values = input.array(of: Double.self)
          values[element] += by
          var x = inputs
          x[index] = Tensor(values, shape: input.shape)
          return total(x).item()
        }
        return (moved(step) - moved(-step)) / (2 * step)
      }
      #expect(relativeError(leaves[index].grad!, Tensor(slopes, shape: input.shape)) < 1e-8, "input \(index)")
    }
  }

  /// In inference mode the dispatcher takes the kernel without autograd; elsewhere what records, with or without a graph.
  @Test(arguments: kernelLevels, cases.indices) func everyKeyGivesTheSameBits(level: KernelLevel, index: Int) {
    let operation = Self.cases[index], op = operation.op, inputs = operation.tensors.map { $0.to(.float32) }
    withKernels(level) {
      let plainly = noGrad { operation.call(op, inputs) }
      let recorded = operation.call(op, inputs.map { $0.clone().requiresGrad(true) })
      inferenceMode {
        for ((a, b), c) in zip(zip(plainly, recorded), operation.call(op, inputs)) {
          #expect(a.isEqual(to: b.detach()))
          #expect(a.isEqual(to: c))
        }
      }
      #expect(recorded.allSatisfy { $0.requiresGrad })
      #expect(plainly.allSatisfy { !$0.requiresGrad })
    }
  }

  /// What runs on other devices, here on the CPU because the plain level asks for it.
  @Test(arguments: kernelLevels, cases.indices) func kernelsEqualTheComposition(level: KernelLevel, index: Int) {
    let operation = Self.cases[index], op = operation.op
    let error = error(of: { operation.call(op, $0) }, at: operation.tensors.map { $0.to(.float32) }, level: level)
    #expect(error < 1e-6)
  }

  @Test(arguments: LossProblem.Contrastive.allCases, [false, true])
  func lossesComposeOfEveryTerm(contrastive: LossProblem.Contrastive, flag: Bool) {
    let problem = LossProblem(rows: 9, width: 5, vocabulary: 23), some = [0, 3, 3, 8]
    let inputs = problem.inputs.mapValues { $0.to(.float64) }
    let loss = FusedLoss(
      labels: problem.labels(), crossEntropyScale: 1 / 9, labelSmoothing: 0.1,
      terms: [
        problem.term(at: some, candidates: 6, overVocabulary: flag, isReversed: !flag, contrastive: contrastive),
        problem.codes(at: some, dimensions: 3, overVocabulary: !flag, isReversed: flag),
      ])
    let expected = LossOutcome(inputs, upstream: -2, loss.composed)
    #expect(LossOutcome(inputs, upstream: -2, loss.fused).error(from: expected) < 1e-13)
    let logits = ["logits": samples(9, 23, seed: 1), "contrast": samples(3, 23, seed: 2)]
      .mapValues { $0.to(.float64) }
    let given = LossOutcome(logits) { loss.composed(logits: $0["logits"]!, contrast: $0["contrast"]) }
    let found = LossOutcome(logits) {
      let value = loss(logits: $0["logits"]!, contrast: $0["contrast"])
      return (value.total, value.sums)
    }
    #expect(found.error(from: given) < 1e-13)
  }

  @Test func schemasNameTheArguments() {
    #expect(Op("dist2::rms_norm").schema == "dist2::rms_norm(Tensor x, Tensor weight, float eps) -> Tensor")
    #expect(Op("dist2::swiglu").schema == "dist2::swiglu(Tensor gate, Tensor? up=None) -> Tensor")
    let columns = ["candidates", "logit_rows", "weights", "targets", "contrastive_tokens", "contrastive_rows"]
    for name in ["linear_cross_entropy_distance", "cross_entropy_distance"] {
      let schema = Op("dist2::" + name).schema
      for column in columns { #expect(schema.contains(column)) }
    }
  }

  @Test func wrongArgumentsAreErrorsWithTheSchema() {
    let error = #expect(throws: TorchError.self) {
      try withTorchErrors { _ = Op("dist2::rms_norm")(Tensor.ones([2, 3]), 1, 1e-5) }
    }
    #expect(error?.description.contains("argument 'weight' must be Tensor") == true, "\(error?.description ?? "")")
    let short = #expect(throws: TorchError.self) {
      try withTorchErrors {
        let none: [Tensor] = [], rows = [Tensor([0] as [Int64])]
        _ = Op("dist2::cross_entropy_distance").many(
          2, Tensor.ones([1, 3]), Tensor([0] as [Int64]), rows, rows, none, rows, [nil as Tensor?], [1.0], 1.0)
      }
    }
    #expect(short?.description.contains("another list has 0") == true, "\(short?.description ?? "")")
  }
}
