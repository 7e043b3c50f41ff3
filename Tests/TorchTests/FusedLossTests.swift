// SPDX-License-Identifier: Apache-2.0
import Testing
import Torch

/// The fused losses against the formulas in float64, and those against PyTorch.
@Suite struct FusedLossTests {
  /// Tests/Fixtures/kernels/make.py
  @Test(arguments: kernelLevels) func valuesAndGradientsArePyTorchs(level: KernelLevel) throws {
    for (name, fixture) in try LossFixture.load() {
      let inputs = fixture.inputs.mapValues { $0.tensor }
      let composed = LossOutcome(inputs, fixture.loss.composed).error(from: fixture.expected)
      #expect(composed < 1e-13, "\(name), composed")
      let fused = withKernels(level) { LossOutcome(inputs.mapValues { $0.to(.float32) }, fixture.loss.fused) }
      #expect(fused.error(from: fixture.expected) < 1e-6, "\(name), fused")
    }
  }

  @Test(arguments: kernelLevels, [(1, 3, 2), (3, 5, 41), (41, 13, 401), (41, 401, 1271)])
  func everyShapeAndTermEqualsTheFormulas(level: KernelLevel, shape: (Int, Int, Int)) {
    let problem = LossProblem(rows: shape.0, width: shape.1, vocabulary: shape.2)
    let some = Array(stride(from: 0, to: shape.0, by: 3)), count = min(10, shape.2)
    // Long products round logits to float32, and whatever follows them.
    let limit = shape.1 > 100 ? 2e-6 : 1e-6
    withKernels(level) {
      for chunk in Set([1, 7, shape.0]) {
        var loss = FusedLoss(labels: problem.labels(), crossEntropyScale: 1 / 50, chunk: chunk)
        #expect(problem.error(of: loss) < limit, "cross entropy alone")
        for overVocabulary in [false, true] {
          for isReversed in [false, true] {
            for contrastive in LossProblem.Contrastive.allCases {
              loss.terms = [
                problem.term(
                  at: some, candidates: count, overVocabulary: overVocabulary, isReversed: isReversed,
                  contrastive: contrastive)
              ]
              let error = problem.error(of: loss)
              #expect(error < limit, "vocabulary \(overVocabulary), reversed \(isReversed), \(contrastive): \(error)")
            }
          }
        }
      }
    }
  }

  /// A code book is the whole vocabulary, and no table of its targets is ever made.
  @Test(arguments: kernelLevels, [(3, 5, 41), (41, 13, 401), (23, 64, 1271)])
  func targetsOfVectorsEqualTheFormulas(level: KernelLevel, shape: (Int, Int, Int)) {
    let problem = LossProblem(rows: shape.0, width: shape.1, vocabulary: shape.2)
    let all = Array(0..<shape.0)
    withKernels(level) {
      for (dimensions, overVocabulary, isReversed) in [(1, false, false), (8, false, false), (3, true, true)] {
        let loss = FusedLoss(
          labels: problem.labels(), crossEntropyScale: 1 / 50,
          terms: [
            problem.codes(at: all, dimensions: dimensions, overVocabulary: overVocabulary, isReversed: isReversed),
            problem.term(at: [0, 2], candidates: 5),
          ], chunk: 7)
        let error = problem.error(of: loss)
        #expect(error < 2e-6, "\(dimensions) dimensions, reversed \(isReversed): \(error)")
      }
    }
  }

  /// A vocabulary of one token leaves nothing to learn.
  @Test func aSingleTokenIsCertain() {
    let problem = LossProblem(rows: 1, width: 1, vocabulary: 1)
    let loss = FusedLoss(
      labels: [0], crossEntropyScale: 1, terms: [problem.term(at: [0], candidates: 1, overVocabulary: true)])
    let outcome = LossOutcome(problem.inputs, loss.fused)
    #expect(abs(outcome.total.item()) < 1e-6)
    #expect(outcome.gradients.values.allSatisfy { $0.abs().max().item() < 1e-6 })
  }

  @Test(arguments: kernelLevels) func severalTermsSmoothingAndIgnoredLabels(level: KernelLevel) {
    let problem = LossProblem(rows: 23, width: 17, vocabulary: 97)
    var labels = problem.labels()
    for i in [0, 5, 6, 22] { labels[i] = -100 }
    let all = Array(0..<23)
    let loss = FusedLoss(
      labels: labels, crossEntropyScale: 1 / 19, labelSmoothing: 0.1,
      terms: [
        problem.term(at: all, candidates: 10, seed: 1),
        problem.term(at: [5, 5, 6, 7], candidates: 3, overVocabulary: true, contrastive: .contrast, seed: 2),
        problem.term(at: [], candidates: 4, seed: 3),
        problem.term(at: all, candidates: 97, isReversed: true, coefficient: -0.2, seed: 4),  // V_d = V
        problem.term(at: all, candidates: 200, overVocabulary: true, seed: 5),  // most of them more than once
      ], chunk: 8)
    withKernels(level) { #expect(problem.error(of: loss) < 1e-6) }
    withKernels(level) { #expect(problem.error(of: loss, upstream: -3.5) < 1e-6) }
  }

  @Test func nothingSupervisedIsZeroWithZeroGradients() {
    let problem = LossProblem(rows: 4, width: 3, vocabulary: 7)
    let ignored = FusedLoss(labels: [-100, -100, -100, -100], crossEntropyScale: 1)
    let outcome = LossOutcome(problem.inputs, ignored.fused)
    #expect(outcome.total.item() == 0)
    #expect(outcome.gradients.values.allSatisfy { $0.abs().max().item() == 0 })

    let none = LossProblem(rows: 0, width: 3, vocabulary: 7)
    let empty = LossOutcome(none.inputs, FusedLoss(labels: [], crossEntropyScale: 1).fused)
    #expect(empty.total.item() == 0)
    #expect(empty.gradients["hidden"]!.shape == [0, 3])
    #expect(empty.gradients["weight"]!.abs().max().item() == 0)
  }

  /// A metric position without cross entropy, and one whose terms nearly cancel in the dense part.
  @Test func rowsWithoutADensePartAreExact() {
    let problem = LossProblem(rows: 3, width: 5, vocabulary: 31)
    let terms = [
      problem.term(at: [0, 1], candidates: 6, coefficient: 1),
      problem.term(at: [2], candidates: 6, overVocabulary: true, coefficient: 1),
    ]
    var loss = FusedLoss(labels: [-100, 3, 4], crossEntropyScale: 1e-12, terms: terms)
    #expect(problem.error(of: loss) < 1e-6)
    loss.crossEntropyScale = -terms[1].weights[0]
    #expect(problem.error(of: loss) < 1e-6)
  }

  @Test(arguments: kernelLevels, [1e4, 30]) func extremeLogitsStayFinite(level: KernelLevel, size: Double) {
    let labels: [Int64] = [0, 1, 2, 3], problem = LossProblem(rows: 4, width: 4, vocabulary: 40)
    let logits = samples(4, 40, seed: 1, scale: size).clamp(-size, size)
    var loss = FusedLoss(labels: labels, crossEntropyScale: 0.25)
    for contrastive in [LossProblem.Contrastive.none, .shared] {
      for overVocabulary in [false, true] {
        for isReversed in [false, true] {
          loss.terms = [
            problem.term(
              at: [0, 2], candidates: 8, overVocabulary: overVocabulary, isReversed: isReversed,
              contrastive: contrastive)
          ]
          let expected = LossOutcome(["logits": logits.to(.float64)]) {
            loss.composed(logits: $0["logits"]!, contrast: nil)
          }
          let found = withKernels(level) {
            LossOutcome(["logits": logits]) {
              let value = loss(logits: $0["logits"]!)
              return (value.total, value.sums)
            }
          }
          #expect(found.error(from: expected) < 1e-6)
        }
      }
    }
  }

  @Test(arguments: kernelLevels) func givenLogitsEqualTheFormulas(level: KernelLevel) {
    let problem = LossProblem(rows: 9, width: 1, vocabulary: 1271)
    let inputs = ["logits": samples(9, 1271, seed: 1, scale: 3), "contrast": samples(3, 1271, seed: 2, scale: 3)]
    let loss = FusedLoss(
      labels: problem.labels(), crossEntropyScale: 1 / 9, labelSmoothing: 0.1,
      terms: [
        problem.term(at: [0, 4, 4], candidates: 11, contrastive: .contrast, seed: 1),
        problem.term(at: [8], candidates: 11, overVocabulary: true, contrastive: .shared, seed: 2),
      ])
    let expected = LossOutcome(inputs.mapValues { $0.to(.float64) }, upstream: 2) {
      loss.composed(logits: $0["logits"]!, contrast: $0["contrast"])
    }
    let found = withKernels(level) {
      LossOutcome(inputs, upstream: 2) {
        let value = loss(logits: $0["logits"]!, contrast: $0["contrast"])
        return (value.total, value.sums)
      }
    }
    #expect(found.error(from: expected) < 1e-6)
  }

  @Test func maskedAndBrokenLogitsAreSeen() {
    let loss = FusedLoss(labels: [0], crossEntropyScale: 1)
    func run(_ values: [Float]) -> (total: Double, gradient: [Float]) {
      let logits = Tensor(values, shape: [1, values.count]).requiresGrad(true)
      let total = loss(logits: logits).total
      total.backward()
      return (total.item(), logits.grad!.array())
    }
    let masked = run([1, 1, -.infinity])  // a token the model may not say
    #expect(abs(masked.total - 0.6931471805599453) < 1e-6)
    #expect(masked.gradient[2] == 0)
    #expect(run([1, .nan, 0]).total.isNaN)
    #expect(run([1, .nan, 0]).gradient.contains { $0.isNaN })
    #expect(run([.infinity, 0, 0]).total.isNaN)
  }

  @Test(arguments: [DType.bfloat16, .float16]) func halfPrecisionHeadsHaveFloatLogits(dtype: DType) {
    let problem = LossProblem(rows: 9, width: 31, vocabulary: 9_001)  // more than one tile of the weight
    let loss = FusedLoss(
      labels: problem.labels(), crossEntropyScale: 1 / 9,
      terms: [problem.term(at: [1, 2], candidates: 5, contrastive: .contrast)], chunk: 4)
    let inputs = problem.inputs.mapValues { $0.to(dtype) }
    let expected = LossOutcome(inputs.mapValues { $0.to(.float64) }, loss.composed)
    let found = LossOutcome(inputs, loss.fused)
    #expect(relativeError(found.total, expected.total) < 1e-6)
    #expect(found.gradients["weight"]!.dtype == dtype)
    // Only the result is rounded to the inputs' type.
    for (name, gradient) in expected.gradients {
      #expect(relativeError(found.gradients[name]!, gradient.to(dtype)) < (dtype == .bfloat16 ? 8e-3 : 1e-3))
    }
  }

  @Test func onlyWantedGradientsAreMade() {
    let problem = LossProblem(rows: 5, width: 4, vocabulary: 11)
    let loss = FusedLoss(
      labels: problem.labels(), crossEntropyScale: 1,
      terms: [problem.term(at: [1], candidates: 3, contrastive: .contrast)])
    let all = LossOutcome(problem.inputs, loss.fused)
    for name in problem.inputs.keys {
      let inputs = problem.inputs
      inputs[name]!.requiresGrad(true)
      loss.fused(inputs).total.backward()
      for (other, tensor) in inputs {
        if other == name { #expect(relativeError(tensor.grad!, all.gradients[name]!) < 1e-6) }
        if other != name { #expect(tensor.grad == nil) }
      }
    }
    #expect(!loss.fused(problem.inputs).total.requiresGrad)
    let value = loss.fused(problem.inputs.mapValues { $0.requiresGrad(true) })
    #expect(value.total.requiresGrad)
    #expect(!value.sums.requiresGrad)
    noGrad { #expect(!loss.fused(problem.inputs.mapValues { $0.requiresGrad(true) }).total.requiresGrad) }
  }

  @Test func aRetainedGraphGivesTheSameGradientAgainAndAFreedOneIsRefused() throws {
    let problem = LossProblem(rows: 5, width: 4, vocabulary: 11)
    let loss = FusedLoss(labels: problem.labels(), crossEntropyScale: 0.2)
    let once = LossOutcome(problem.inputs, loss.fused).gradients
    let inputs = problem.inputs.mapValues { $0.requiresGrad(true) }
    let total = loss.fused(inputs).total
    total.backward(retainGraph: true)
    total.backward(Tensor(scalar: Float(4)), retainGraph: true)
    total.backward()
    for name in ["hidden", "weight", "bias"] {
      #expect(relativeError(inputs[name]!.grad!, once[name]! * 6) < 1e-6)
    }
    #expect(throws: TorchError.self) { try withTorchErrors { total.backward() } }
    let again = loss.fused(inputs).total
    #expect(throws: TorchError.self) {
      try withTorchErrors { _ = gradients(of: [again], withRespectTo: [inputs["hidden"]!], createGraph: true) }
    }
  }

  /// A tied head: the loss's weight gradient and the embedding's meet in one buffer, over accumulated backwards.
  @Test(arguments: [false, true]) func weightGradientsInPlaceEqualAutograds(retaining: Bool) {
    let problem = LossProblem(rows: 6, width: 4, vocabulary: 11, hasBias: false)
    let loss = FusedLoss(
      labels: problem.labels(), crossEntropyScale: 1 / 6,
      terms: [problem.term(at: [1, 3], candidates: 5, contrastive: .contrast)], chunk: 4)
    let ids = Tensor([1, 1, 0, 10, 5, 1] as [Int64]), buffers = GradientBuffers()
    func steps(_ table: Tensor, _ scope: (() -> Void) -> Void) -> [Tensor] {
      (0..<3).map { _ in
        for upstream in [1, -0.5] as [Float] {
          scope {
            let hidden = table.embedding(ids).tanh()
            let total = loss(hidden: hidden, weight: table, contrast: hidden.narrow(0, 0, 3)).total
            if retaining { total.backward(retainGraph: true) }
            total.backward(Tensor(scalar: upstream))
          }
        }
        let gradient = table.grad!.clone()
        table.grad = nil
        return gradient
      }
    }
    let expected = steps(problem.inputs["weight"]!.requiresGrad(true)) { $0() }
    let found = steps(problem.inputs["weight"]!.requiresGrad(true)) { body in withGradientsInPlace(buffers, body) }
    for (found, expected) in zip(found, expected) { #expect(relativeError(found, expected) < 1e-6) }
    #expect(buffers.bytes <= 2 * 4 * 11 * 4)
  }

  @Test(arguments: kernelLevels) func threadsChangeNothing(level: KernelLevel) {
    let problem = LossProblem(rows: 41, width: 13, vocabulary: 401)
    let loss = FusedLoss(
      labels: problem.labels(), crossEntropyScale: 1 / 41,
      terms: [problem.term(at: Array(0..<41), candidates: 10, contrastive: .contrast)])
    func run(_ threads: Int) -> LossOutcome {
      let before = Torch.threads
      Torch.threads = threads
      defer { Torch.threads = before }
      return withKernels(level) { LossOutcome(problem.inputs, loss.fused) }
    }
    #expect(run(1).error(from: run(2)) < 1e-6)
  }

  @Test func badTablesAreErrors() {
    let problem = LossProblem(rows: 4, width: 3, vocabulary: 7)
    let good = FusedLoss(
      labels: [0, 1, 2, 3], crossEntropyScale: 1, terms: [problem.term(at: [1], candidates: 3, contrastive: .contrast)])
    func refused(_ part: String, _ change: (inout FusedLoss) -> Void) {
      var loss = good
      change(&loss)
      let error = #expect(throws: TorchError.self) { try withTorchErrors { loss.fused(problem.inputs) } }
      #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }
    refused("label 7 of 7") { $0.labels[2] = 7 }
    refused("label -1 of 7") { $0.labels[2] = -1 }
    refused("labels must be 4") { $0.labels = [1] }
    refused("candidate 9 of 7") { $0.terms[0].candidates[0] = 9 }
    refused("row 4 of 4") { $0.terms[0].logitRows[0] = 4 }
    refused("target 4 of 4") { $0.terms[0].targets[0] = 4 }
    refused("contrastive example's token 7 of 7") { $0.terms[0].contrastiveTokens[0] = 7 }
    refused("contrastive example's row 3 of 3") { $0.terms[0].contrastiveRows[0] = 3 }
    let table = Tensor.ones([4, 3], dtype: .float64)
    refused("candidates") { $0.terms[0].table = .rows(p: table, logP: table) }
    refused("vectors [3, 2] for 3 candidates") {
      $0.terms[0].table = .vectors(.ones([3, 2]), sharpness: [1, 1, 1])  // with a contrastive token
    }
    refused("sharpness must be 3") {
      ($0.terms[0].contrastiveTokens, $0.terms[0].contrastiveRows) = ([], [])
      $0.terms[0].table = .vectors(.ones([3, 2]), sharpness: [1])
    }
    var wrong = problem.inputs
    wrong["weight"] = .ones([7, 4])
    #expect(throws: TorchError.self) { try withTorchErrors { good.fused(wrong) } }
    #expect(!FusedLoss.takes(problem.inputs["hidden"]!.to(.float64)))
    #expect(FusedLoss.takes(problem.inputs["hidden"]!, nil))
    #expect(!withKernels(.plain) { FusedLoss.takes(problem.inputs["hidden"]!) })
  }
}
