import Foundation
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch

@Suite struct ObjectiveTests {
  static let digits = try! TokenSpace(
    name: "digits", unit: .digit, ids: [12, 3, 5, 0, 9, 14, 2, 7, 16, 1], values: (0...9).map(Double.init))
  static let match = try! MetricMatch(
    digits, target: TargetDistribution(.squared, temperature: 2), place: .number, contrast: .twoPass())
  static let dist = Objective.crossEntropy + 0.1 * match

  /// Deterministic logits `[n, v]`.
  static func logits(_ n: Int, _ v: Int, seed: UInt64 = 0, scale: Double = 4) -> Tensor {
    var generator = CounterGenerator(seed)
    let values = (0..<n * v).map { _ in (Double(generator.next(below: 100_000)) / 50_000 - 1) * scale }
    return Tensor(values, shape: [n, v])
  }

  /// A batch in which some labels are digits, with and without neighbours.
  static func supervision(_ n: Int, v: Int, metricShare: Int = 2, seed: UInt64 = 1) -> Supervision {
    var generator = CounterGenerator(seed), result = Supervision()
    for query in 0..<n {
      result.queries.append(Int32(query))
      guard metricShare > 0, generator.next(below: metricShare) == 0 else {
        result.labels.append(Int32(generator.next(below: v)))
        continue
      }
      let digit = generator.next(below: 10), rank = 1 + generator.next(below: 4)
      result.labels.append(digits.ids[digit])
      var contrast: ContrastTarget?
      if generator.next(below: 2) == 0 {
        contrast = ContrastTarget(
          token: digits.ids[generator.next(below: 10)], difference: Double(generator.next(below: 10)),
          query: result.contrastQueries.count)
        result.contrastQueries.append(Int32(result.contrastQueries.count))
      }
      result.metrics.append(
        MetricTarget(
          query: query, candidate: digit, place: PlaceValue(rankInNumber: rank, rankInRun: rank, exponent: rank - 1),
          contrast: contrast))
    }
    return result
  }

  func loss(_ objective: Objective, _ logits: Tensor, _ supervision: Supervision, contrast: Tensor? = nil) -> LossValue
  {
    objective(
      logits: logits,
      contrastLogits: contrast ?? Self.logits(supervision.contrastQueries.count, logits.size(1), seed: 9),
      supervision: supervision, denominators: objective.denominators(of: [supervision]))
  }

  // MARK: Identities (PAPER.md 1.5)

  /// (i): over the vocabulary the divergence is larger by −log p_θ(V_d), in value and gradient.
  @Test(arguments: MetricMatch.Direction.allCases)
  func vocabularyIsSubsetMinusLogMass(direction: MetricMatch.Direction) throws {
    let supervision = Self.supervision(9, v: 20), target = TargetDistribution(.squared, temperature: 2)
    let rows = Tensor(supervision.metrics.map { Int64($0.query) }), ids = Tensor(Self.digits.ids.map(Int64.init))
    func distance(_ softmax: MetricMatch.Softmax) throws -> (Tensor) -> Tensor {
      let match = try MetricMatch(Self.digits, target: target, softmax: softmax, direction: direction)
      let objective = Objective.crossEntropy + 1 * match, ce = Objective.crossEntropy
      return { self.loss(objective, $0, supervision).total - self.loss(ce, $0, supervision).total }
    }
    let subset = try distance(.subset), vocabulary = try distance(.vocabulary)
    let mass: (Tensor) -> Tensor = {
      $0.logSoftmax(1).indexSelect(0, rows).indexSelect(1, ids).exp().sum(1).log().mean()
    }
    let x = Self.logits(9, 20).requiresGrad(true)
    let left = vocabulary(x), right = subset(x) - mass(x)
    #expect(abs(left.item() - right.item()) < 1e-13)
    let a = gradients(of: [left], withRespectTo: [x])[0]!, b = gradients(of: [right], withRespectTo: [x])[0]!
    #expect(largestDifference(a.array(), b.array()) < 1e-14)
  }

  /// (ii): as τ → 0 the subset loss is cross entropy over V_d, so vocab is the limit of dist.
  @Test func vocabIsTheLimitOfDist() throws {
    let supervision = Self.supervision(9, v: 20)
    let x = Self.logits(9, 20).requiresGrad(true)
    let vocab = loss(try Objective(.vocab, matches: [Self.match]), x, supervision)
    let cold = try MetricMatch(Self.digits, target: TargetDistribution(.squared, temperature: 1e-3))
    let limit = loss(.crossEntropy + 0.1 * cold, x, supervision)
    let rows = Tensor(supervision.metrics.map { Int64($0.query) }), ids = Tensor(Self.digits.ids.map(Int64.init))
    let direct = x.indexSelect(0, rows).indexSelect(1, ids)
      .crossEntropy(Tensor(supervision.metrics.map { Int64($0.candidate) }))
    #expect(abs(vocab.summands[1].value.item() - direct.item()) < 1e-14)
    #expect(abs(vocab.total.item() - limit.total.item()) < 1e-14)
    let a = gradients(of: [vocab.total], withRespectTo: [x])[0]!,
      b = gradients(of: [limit.total], withRespectTo: [x])[0]!
    #expect(largestDifference(a.array(), b.array()) < 1e-15)
  }

  // MARK: Denominators

  /// A batch of 12 at once, as 4 × 3 and as 2 × 5 + 2: the same loss, summands and gradient.
  @Test(arguments: Objective.Reduction.allCases, [[12], [3, 3, 3, 3], [5, 5, 2], [1, 11], [0, 12]])
  func accumulationChangesNothing(reduction: Objective.Reduction, parts: [Int]) {
    var objective = Self.dist
    objective.reduction = reduction
    let whole = Self.supervision(12, v: 20), x = Self.logits(12, 20), neighbours = Self.logits(12, 20, seed: 9)
    let expected = gradient(objective, x, whole, neighbours, objective.denominators(of: [whole]))

    var supervisions = [Supervision](), start = 0
    for count in parts {
      let range = start..<start + count
      var part = Supervision(queries: (0..<Int32(count)).map { $0 }, labels: Array(whole.labels[range]))
      part.metrics = whole.metrics.filter { range.contains($0.query) }
      for index in part.metrics.indices { part.metrics[index].query -= start }
      part.contrastQueries = whole.contrastQueries
      supervisions.append(part)
      start += count
    }
    let denominators = objective.denominators(of: supervisions)
    #expect(
      denominators
        == supervisions.map { objective.denominators(of: [$0]) }.reduce(Denominators(supervised: 0, weights: [0]), +))
    #expect(Denominators(values: denominators.values) == denominators)
    var total = [0.0, 0], rows = [Double]()
    start = 0
    for (part, count) in zip(supervisions, parts) {
      let got = gradient(objective, x.narrow(0, start, count), part, neighbours, denominators)
      for index in total.indices { total[index] += got.summands[index] }
      rows += got.gradient
      start += count
    }
    #expect(largestDifference(total, expected.summands) < 1e-13)
    #expect(largestDifference(rows, expected.gradient) < 1e-15)
  }

  private func gradient(
    _ objective: Objective, _ logits: Tensor, _ supervision: Supervision, _ contrast: Tensor,
    _ denominators: Denominators
  ) -> (summands: [Double], gradient: [Double]) {
    let x = logits.clone().requiresGrad(true)
    let loss = objective(logits: x, contrastLogits: contrast, supervision: supervision, denominators: denominators)
    return (loss.summands.map { $0.value.item() }, gradients(of: [loss.total], withRespectTo: [x])[0]!.array())
  }

  // MARK: What gets a gradient

  /// Rows without supervision get none; rows without a metric token get that of cross entropy alone.
  @Test func onlySupervisedPositionsGetGradients() {
    let supervision = Supervision(
      queries: [4, 1], labels: [3, 11], metrics: [MetricTarget(query: 0, candidate: 1)])
    let hidden = Self.logits(6, 8).requiresGrad(true), head = Head(weight: Self.logits(20, 8, seed: 2))
    func gradient(_ objective: Objective) -> [Double] {
      let picked = hidden.indexSelect(0, Tensor(supervision.queries))
      let loss = objective(
        hidden: picked, head: head, supervision: supervision, denominators: objective.denominators(of: [supervision]))
      return gradients(of: [loss.total], withRespectTo: [hidden])[0]!.array()
    }
    let dist = gradient(Self.dist), sft = gradient(.crossEntropy)
    for row in [0, 2, 3, 5] { #expect(dist[row * 8..<row * 8 + 8].allSatisfy { $0 == 0 }) }
    #expect(dist[8..<16] == sft[8..<16])
    #expect(dist[32..<40] != sft[32..<40])
  }

  /// A frozen head gets no gradient and a loss of an upstream gradient other than 1 scales.
  @Test func upstreamGradientsScaleAndFrozenHeadsStayOut() {
    let supervision = Self.supervision(5, v: 20)
    let hidden = Self.logits(5, 4).requiresGrad(true), head = Head(weight: Self.logits(20, 4, seed: 2))
    let neighbours = Self.logits(supervision.contrastQueries.count, 4, seed: 3)
    let value = Self.dist(
      hidden: hidden, contrastHidden: neighbours, head: head, supervision: supervision,
      denominators: Self.dist.denominators(of: [supervision])
    ).total
    let once = gradients(of: [value], withRespectTo: [hidden], retainGraph: true)[0]!
    let scaled = gradients(of: [value * -2.5], withRespectTo: [hidden])[0]!
    #expect(largestDifference((once * -2.5).array(), scaled.array()) < 1e-15)
    #expect(head.weight.grad == nil)
  }

  // MARK: Edges

  /// ntloss returns a constant without gradient here, which stops a training step.
  @Test func batchesWithoutMetricTokensOrWithoutAnything() {
    let none = Self.supervision(4, v: 20, metricShare: 0)
    let x = Self.logits(4, 20).requiresGrad(true)
    let value = loss(Self.dist, x, none)
    #expect(value.summands[1].value.item() == 0)
    #expect(value.total.item() == loss(.crossEntropy, x, none).total.item())
    value.total.backward()
    #expect(x.grad != nil)

    let empty = Tensor.zeros([0, 20], dtype: .float64).requiresGrad(true)
    let nothing = loss(Self.dist, empty, Supervision())
    #expect(nothing.total.item() == 0)
    nothing.total.backward()
    #expect(empty.grad?.shape == [0, 20])

    // Nothing in this part, though the step has tokens elsewhere; nothing may become NaN, nor may infinities spread.
    let wild = Tensor.full([0, 20], .infinity, dtype: .float64).requiresGrad(true)
    let part = Self.dist(
      logits: wild, supervision: Supervision(), denominators: Denominators(supervised: 7, weights: [3]))
    #expect(part.total.item() == 0)
  }

  @Test(arguments: [(1, 17), (3, 17), (41, 401), (2, 1271)])
  func oddShapes(n: Int, v: Int) {
    let supervision = Self.supervision(n, v: v, metricShare: 1), neighbours = Self.logits(n, v, seed: 9)
    let x = Self.logits(n, v).requiresGrad(true)
    let value = loss(Self.dist, x, supervision, contrast: neighbours)
    let slow = Self.reference(x, supervision, neighbours)
    #expect(abs(value.total.item() - slow.item()) < 1e-12)
    let a = gradients(of: [value.total], withRespectTo: [x])[0]!, b = gradients(of: [slow], withRespectTo: [x])[0]!
    #expect(largestDifference(a.array(), b.array()) < 1e-14)
  }

  /// `dist` written as the paper has it, token by token.
  private static func reference(_ x: Tensor, _ supervision: Supervision, _ neighbours: Tensor) -> Tensor {
    var sum = Tensor(scalar: 0.0), weights = 0.0
    for target in supervision.metrics {
      var energies = (0...9).map { -pow(Double($0 - target.candidate), 2) / 2 }
      var logits = digits.ids.map { x.select(0, target.query).select(0, Int($0)) }
      if let contrast = target.contrast {
        energies.append(-pow(contrast.difference, 2) / 2)
        logits.append(neighbours.select(0, contrast.query!).select(0, Int(contrast.token)))
      }
      let p = Tensor(energies).softmax(0), q = Tensor.stack(logits).logSoftmax(0)
      sum = sum + Double(target.place.rankInNumber) * (p * (p.log() - q)).sum()
      weights += Double(target.place.rankInNumber)
    }
    return x.crossEntropy(Tensor(supervision.labels.map(Int64.init))) + 0.1 * sum / max(weights, 1)
  }

  @Test func theWholeVocabularyAsCandidates() throws {
    let space = try TokenSpace.all(20),
      supervision = Supervision(
        queries: [0, 1, 2], labels: [4, 0, 19],
        metrics: [MetricTarget(query: 0, candidate: 4), MetricTarget(query: 2, candidate: 19)])
    let x = Self.logits(3, 20)
    let values = try MetricMatch.Softmax.allCases.map { softmax in
      let match = try MetricMatch(space, target: .labelSmoothing(0.3), softmax: softmax)
      return loss(.crossEntropy + 0.1 * match, x, supervision).total.item()
    }
    #expect(abs(values[0] - values[1]) < 1e-14)
  }

  @Test(arguments: MetricMatch.Softmax.allCases, MetricMatch.Direction.allCases)
  func extremeLogitsStayFinite(softmax: MetricMatch.Softmax, direction: MetricMatch.Direction) throws {
    for contrast in [Contrast.none, .shared(), .twoPass()] {
      let match = try MetricMatch(
        Self.digits, target: TargetDistribution(.squared, temperature: 0.01), softmax: softmax, direction: direction,
        place: .powerOfTen, contrast: contrast)
      let supervision = Self.supervision(8, v: 20, metricShare: 1)
      for dtype in [DType.float32, .float64] {
        let x = (Self.logits(8, 20).sign() * 1e4).to(dtype).requiresGrad(true)
        let value = loss(.crossEntropy + 0.1 * match, x, supervision, contrast: x.detach() * -1.0)
        value.total.backward()
        #expect(value.total.item().isFinite)
        #expect(x.grad!.isFinite().all().intItem() == 1)
      }
    }
  }

  @Test(arguments: [(DType.float32, 1e-5), (.bfloat16, 3e-2), (.float16, 4e-3)])
  func otherTypesOfHiddenStates(dtype: DType, tolerance: Double) {
    let supervision = Self.supervision(7, v: 20), denominators = Self.dist.denominators(of: [supervision])
    func value(_ dtype: DType) -> LossValue {
      Self.dist(
        hidden: Self.logits(7, 4, scale: 1).to(dtype), contrastHidden: Self.logits(7, 4, seed: 3, scale: 1).to(dtype),
        head: Head(weight: Self.logits(20, 4, seed: 2, scale: 1).to(dtype), bias: Tensor.ones([20], dtype: dtype)),
        supervision: supervision, denominators: denominators)
    }
    let exact = value(.float64), rounded = value(dtype)
    #expect(rounded.total.dtype == .float32)
    #expect(abs(exact.total.item() - rounded.total.item()) < tolerance)
  }

  // MARK: Composition

  @Test func objectivesAreSums() throws {
    let second = try Self.match.with(name: "angle")
    let objective = Objective.crossEntropy + 0.1 * Self.match + 0.2 * second + 0.3 * Self.match
    #expect(objective.names == ["ce", "dist", "angle", "dist.2"])
    #expect(objective.terms.map(\.weight) == [0.1, 0.2, 0.3])
    #expect(objective.terms.map(\.metric) == [0, 1, 2])
    #expect(Objective.crossEntropy.names == ["ce"])
  }

  @Test func presetsAreValues() throws {
    func only(_ preset: Preset) throws -> MetricMatch { try Objective(preset, matches: [Self.match]).terms[0].match }
    #expect(try Objective(.sft, matches: [Self.match]).terms.isEmpty)
    #expect(try only(.dist).place == .number && only(.dist).contrast == .twoPass())
    #expect(try only(.vocab).place == .none && only(.vocab).contrast == .none)
    #expect(try only(.vocab).resolved.temperatures == [0])
    #expect(try only(.smooth).place == .number && only(.smooth).contrast == .twoPass())
    #expect(try abs(only(.smooth).resolved.temperatures[0] - 0.2217) < 1e-4)
    #expect(try only(.distWithoutPlace).place == .none && only(.distWithoutPlace).contrast == .twoPass())
    #expect(try only(.distWithoutContrast).place == .number && only(.distWithoutContrast).contrast == .none)
    #expect(try Objective(.smoothVocabulary, matches: [Self.match]).labelSmoothing == 0.1)
    #expect(try Objective(.dist, matches: [Self.match, Self.match], alpha: 0.02).terms.map(\.weight) == [0.02, 0.02])
    #expect(Preset.ablations.count == 5)
  }

  @Test func whatCannotBeIsRefused() throws {
    let cold = TargetDistribution(.squared, temperature: 0)
    #expect(throws: ObjectiveError.self) { try MetricMatch(Self.digits, target: cold, direction: .reverse) }
    let massless = try TokenSpace(name: "m", ids: [1, 2, 3], values: [0, 0, 1], base: [1, 0, 1])
    let warm = TargetDistribution(.squared, temperature: 1)
    #expect(throws: ObjectiveError.self) { try MetricMatch(massless, target: warm, direction: .reverse) }
    let reverse = try MetricMatch(Self.digits, target: warm, direction: .reverse)
    #expect(throws: ObjectiveError.self) { try Objective(.vocab, matches: [reverse]) }
    let large = try TokenSpace.all(ResolvedTarget.largestTable + 1)
    let discrete = TargetDistribution(.discrete, temperature: 1)
    #expect(throws: ObjectiveError.self) { try MetricMatch(large, target: discrete, contrast: .shared()) }
    #expect(throws: TokenSpaceError.self) { try Self.dist.check(vocabularySize: 16) }
    try Self.dist.check(vocabularySize: 17)
  }

  @Test func neighboursAreDrawnAsTheMatchesSay() throws {
    #expect(Objective.crossEntropy.neighbourSampler(seed: 1) == nil)
    let plain = try Self.match.with(contrast: Contrast.none)
    #expect((Objective.crossEntropy + 0.1 * plain).neighbourSampler(seed: 1) == nil)
    let wide = try Self.match.with(contrast: .shared(radius: 3, range: 0...1))
    let objective = Objective.crossEntropy + 0.1 * plain + 0.1 * wide
    #expect(!objective.needsNeighbourPass && Self.dist.needsNeighbourPass)
    #expect(
      objective.neighbourSampler(seed: 7)
        == NeighbourSampler([nil, NeighbourRule(space: Self.digits, radius: 3, range: 0...1)], seed: 7))
  }

  /// A.2 from text to loss: 40 with its neighbour 39, digit by digit. The tens of 39 are a second right answer
  /// (distance 0), the units are one off (distance 1).
  @Test func fortyAndThirtyNine() throws {
    let example = EncodedExample(
      ids: [15, Self.digits.ids[4], Self.digits.ids[0]], supervised: [false, true, true],
      metrics: [
        MetricPosition(
          position: 1, candidate: 4, place: PlaceValue(rankInNumber: 2, rankInRun: 2, exponent: 1), number: 0),
        MetricPosition(
          position: 2, candidate: 0, place: PlaceValue(rankInNumber: 1, rankInRun: 1, exponent: 0), number: 0),
      ])
    let match = try Self.match.with(contrast: .twoPass(range: 0...40))
    let objective = Objective.crossEntropy + 0.1 * match
    let neighbour = objective.neighbourSampler(seed: 3)?.neighbour(of: example, epoch: 0, index: 0)
    #expect(neighbour?.ids == [15, Self.digits.ids[3], Self.digits.ids[9]])
    #expect(neighbour?.differences == [0, 1])
    let batch = TokenBatch([example], neighbours: [neighbour])
    let plan = objective.plan(batch.supervision, objective.denominators(of: [batch.supervision]))
    let rows = plan.matches[0].rows[0], p = rows.p.array(of: Double.self)
    #expect(rows.extra?.tokens == [Int64(Self.digits.ids[3]), Int64(Self.digits.ids[9])])
    let ratio = { (row: Int, own: Int) in p[row * 11 + 10] / p[row * 11 + own] }
    #expect(abs(ratio(0, 4) - 1) < 1e-15)
    #expect(abs(ratio(1, 0) - exp(-0.5)) < 1e-15)
    #expect(rows.weights == [2.0 / 3, 1.0 / 3])
  }

  @Test func placeWeights() {
    let places = [(4, 1, 0), (3, 3, -1), (2, 2, -2), (1, 1, -3)].map {
      PlaceValue(rankInNumber: $0.0, rankInRun: $0.1, exponent: $0.2)
    }
    #expect(places.map(PlaceRule.none.weight) == [1, 1, 1, 1])
    #expect(places.map(PlaceRule.number.weight) == [4, 3, 2, 1])
    #expect(places.map(PlaceRule.run.weight) == [1, 3, 2, 1])
    #expect(places.map(PlaceRule.powerOfTen.weight) == [1, 0.1, 0.01, 0.001])
    #expect(PlaceRule.allCases.map { $0.weight(of: .whole) } == [1, 1, 1, 1])
    #expect(PlaceRule.powerOfTen.weight(of: PlaceValue(rankInNumber: 4, rankInRun: 4, exponent: 3)) == 1000)
  }
}
