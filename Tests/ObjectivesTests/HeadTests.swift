// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch

/// Heads of rewards against PyTorch in float64; see `Tests/Fixtures/sequences/make.py`.
@Suite struct HeadTests {
  struct Fixture: Decodable {
    struct Preference: Decodable {
      var temperature, loss: Double
      var embeddings, gradient: [[[Double]]]
      var scores: [Double]
    }
    struct Gating: Decodable {
      var gate_logits, scores, gradient_gate, prompts, network_gate: [[Double]]
      var attributes, gradient_attributes, weights, gradient_weights: [[[Double]]]
      var biases, gradient_biases: [[Double]]
      var temperature, loss, network_loss: Double
    }
    struct Text: Decodable {
      var term: String
      var weight, beta, loss: Double
      var gradient_scores, gradient_log_probabilities: [[Double]]
    }
    struct List: Decodable {
      var objective: RatingObjective.Loss
      var temperature, loss: Double
      var gradient: [[Double]]
    }
    var gpm: [Preference]
    var gating: Gating
    var grm_scores, grm_log_probabilities: [[Double]]
    var grm: [Text]
    var list_rewards, list_scores: [[Double]]
    var lists: [List]
  }

  private static let fixture = SequenceFixtures.read("heads", as: Fixture.self)

  private func tensor(_ rows: [[Double]]) -> Tensor { Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count]) }

  private func tensor(_ values: [[[Double]]]) -> Tensor {
    Tensor(values.flatMap { $0.flatMap { $0 } }, shape: [values.count, values[0].count, values[0][0].count])
  }

  private func expectGradients(
    _ loss: Tensor, _ inputs: [(leaf: Tensor, expected: Tensor)], _ comment: String, tolerance: Double = 1e-10
  ) throws {
    for (input, found) in zip(inputs, gradients(of: [loss], withRespectTo: inputs.map(\.leaf))) {
      #expect(difference(try #require(found), input.expected) < tolerance, "\(comment)")
    }
  }

  // MARK: General preferences

  @Test func generalPreferencesEqualTheirFormula() throws {
    for example in Self.fixture.gpm {
      let leaf = tensor(example.embeddings).requiresGrad(true),
        head = GeneralPreference(temperature: example.temperature)
      let (chosen, other) = (leaf.select(1, 0), leaf.select(1, 1))
      #expect(difference(head.scores(chosen, over: other), Tensor(example.scores)) < 1e-12)
      let loss = head.losses(chosen, over: other).mean()
      #expect(abs(loss.item() - example.loss) < 1e-10)
      try expectGradients(loss, [(leaf, tensor(example.gradient))], "\(leaf.shape)")
      // The other way round it is the negative; nobody is better than himself; planes can be switched off.
      #expect(difference(head.scores(other, over: chosen), -head.scores(chosen, over: other)) == 0)
      #expect(head.scores(chosen, over: chosen).abs().max().item() == 0)
      let planes = chosen.size(1) / 2
      let none = head.scores(chosen, over: other, scales: Tensor.zeros([chosen.size(0), planes], dtype: .float64))
      #expect(none.abs().max().item() == 0)
      let doubled = head.scores(
        chosen, over: other, scales: Tensor.full([chosen.size(0), planes], 2, dtype: .float64))
      #expect(difference(doubled, head.scores(chosen, over: other) * 2) < 1e-12)
    }
  }

  /// Embeddings (r, 1) are Bradley and Terry's; three responses can beat each other in a circle, which no r does.
  @Test func preferencesMayBeCircular() throws {
    let head = GeneralPreference(temperature: 1), ones = Tensor.ones([2, 1], dtype: .float64)
    func embedded(_ rewards: [Double]) -> Tensor { Tensor.cat([Tensor(rewards).unsqueeze(1), ones], 1) }
    let scores = head.scores(embedded([2, -1]), over: embedded([0.5, 3]))
    #expect(difference(scores, Tensor([1.5, -4])) < 1e-12)
    let circle = tensor([[1, 0], [-0.5, 0.75.squareRoot()], [-0.5, -(0.75.squareRoot())]])
    let next = circle.indexSelect(0, Tensor([1, 2, 0] as [Int64]))
    #expect(head.scores(circle, over: next).min().item() > 0.8)
  }

  /// The same as an objective of a head: embeddings at the last tokens of the pairs' documents, chosen ones first.
  @Test(arguments: [DType.float64, .float32]) func generalPreferencesAreObjectives(_ dtype: DType) throws {
    for example in Self.fixture.gpm {
      let count = example.embeddings.count, width = example.embeddings[0][0].count
      let leaf = tensor(example.embeddings).to(dtype).requiresGrad(true)
      let objective = RatingObjective(.generalPreference, temperature: example.temperature)
      try objective.check(outputs: width)
      #expect(throws: ObjectiveError.self) { try objective.check(outputs: width + 1) }
      let supervision = Supervision(
        pooledPositions: (0..<2 * count).map(Int32.init),
        comparisons: (0..<count).map { ComparisonTarget(chosen: 2 * $0, rejected: 2 * $0 + 1, margin: 1) })
      let loss = objective(
        scores: leaf.view([2 * count, width]), supervision: supervision,
        denominators: objective.denominators(of: [supervision]))
      let tolerance = dtype == .float64 ? 1e-9 : 1e-5
      #expect(loss.lossTerms.map(\.name) == ["generalPreference"])
      #expect(abs(loss.total.item() - example.loss) < tolerance * max(1, abs(example.loss)))
      let found = try #require(gradients(of: [loss.total], withRespectTo: [leaf])[0]),
        expected = tensor(example.gradient)
      #expect(difference(found, expected) < tolerance * max(1, expected.abs().max().item()))
    }
    #expect(RatingObjective.generalPreference.temperature == 0.1)
  }

  // MARK: Gates

  @Test func gatedRewardsEqualTheirFormula() throws {
    let example = Self.fixture.gating
    let gate = tensor(example.gate_logits).requiresGrad(true),
      attributes = tensor(example.attributes).requiresGrad(true)
    let layers = zip(example.weights, example.biases).map {
      OutputHead(weight: tensor($0).requiresGrad(true), bias: Tensor($1).requiresGrad(true))
    }
    let head = GatedRewards(layers: layers, temperature: example.temperature)
    #expect(difference(head.scores(gate: gate, attributes: attributes), tensor(example.scores)) < 1e-12)
    let loss = head.losses(gate: gate, attributes: attributes).mean()
    #expect(abs(loss.item() - example.loss) < 1e-12)
    try expectGradients(
      loss, [(gate, tensor(example.gradient_gate)), (attributes, tensor(example.gradient_attributes))], "gate")
    // Through the gate's own layers.
    let told = head.gate(tensor(example.prompts))
    #expect(difference(told, tensor(example.network_gate)) < 1e-12)
    let trained = head.losses(gate: told, attributes: attributes.detach()).mean()
    #expect(abs(trained.item() - example.network_loss) < 1e-12)
    let slopes = zip(layers, zip(example.gradient_weights, example.gradient_biases)).flatMap { layer, expected in
      [(leaf: layer.weight, expected: tensor(expected.0)), (leaf: layer.bias!, expected: Tensor(expected.1))]
    }
    try expectGradients(trained, slopes, "layers")
  }

  // MARK: Texts

  @Test func regularisedRewardsEqualTheirFormula() throws {
    let all = Self.fixture
    for example in all.grm {
      let term: TextRegularization.Term =
        ["logistic": .logistic(beta: example.beta), "preference": .preference(beta: example.beta)][example.term]
        ?? .likelihood
      let scores = tensor(all.grm_scores).requiresGrad(true)
      let logs = tensor(all.grm_log_probabilities).requiresGrad(true)
      let loss = TextRegularization(term, weight: example.weight)
        .losses(scores: scores, logProbabilities: logs).mean()
      #expect(abs(loss.item() - example.loss) < 1e-12, "\(example.term)")
      try expectGradients(
        loss, [(scores, tensor(example.gradient_scores)), (logs, tensor(example.gradient_log_probabilities))],
        example.term)
    }
    #expect(Set(all.grm.map(\.term)).count == 3)
  }

  /// The same as an objective: pairs of documents whose tokens' log-probabilities add up to ℓ, one document after the other.
  @Test(arguments: [DType.float64, .float32]) func regularisedRewardsAreObjectives(_ dtype: DType) throws {
    let all = Self.fixture, pairs = all.grm_scores.count, tolerance = dtype == .float64 ? 1e-9 : 1e-5
    let supervision = Supervision(
      logitRows: (0..<4 * pairs).map(Int32.init), labels: [Int32](repeating: 0, count: 4 * pairs),
      pooledPositions: (0..<2 * pairs).map(Int32.init),
      comparisons: (0..<pairs).map { ComparisonTarget(chosen: 2 * $0, rejected: 2 * $0 + 1, margin: 1) },
      documents: (0..<2 * pairs).map { DocumentTarget(tokens: 2 * $0..<2 * $0 + 2) },
      groups: (0..<pairs).map { DocumentGroup(documents: 2 * $0..<2 * $0 + 2, worth: .preference) })
    for example in all.grm {
      let term: TextRegularization.Term =
        ["logistic": .logistic(beta: example.beta), "preference": .preference(beta: example.beta)][example.term]
        ?? .likelihood
      let objective = RatingObjective(.textRegularized, text: TextRegularization(term, weight: example.weight))
      let scores = tensor(all.grm_scores).to(dtype).requiresGrad(true)
      // Two tokens a document, with three and one quarters of ℓ.
      let halves = all.grm_log_probabilities.map { $0.flatMap { [0.75 * $0, 0.25 * $0] } }
      let tokens = tensor(halves).to(dtype).requiresGrad(true)
      let loss = objective(
        scores: scores.view([2 * pairs, 1]), logProbabilities: tokens.view([4 * pairs]), supervision: supervision,
        denominators: objective.denominators(of: [supervision]))
      #expect(loss.lossTerms.map(\.name) == ["bradleyTerry", "text"])
      #expect(loss.lossTerms.map(\.weight) == [1 - example.weight, example.weight])
      #expect(abs(loss.total.item() - example.loss) < tolerance * max(1, abs(example.loss)), "\(example.term)")
      let spread = example.gradient_log_probabilities.map { $0.flatMap { [$0, $0] } }
      try expectGradients(
        loss.total, [(scores, tensor(example.gradient_scores)), (tokens, tensor(spread))], example.term,
        tolerance: tolerance)
    }
    #expect(objectiveRows() == [5, 9, 1, 2])
  }

  /// Documents are read out first, then their texts; without the text's loss only the former.
  private func objectiveRows() -> [Int32] {
    let supervision = Supervision(logitRows: [1, 2], labels: [0, 0], pooledPositions: [5, 9])
    #expect(RatingObjective.bradleyTerry.rows(of: supervision) == [5, 9])
    return RatingObjective(.textRegularized).rows(of: supervision)
  }

  // MARK: Lists

  /// Lists of responses of these scores, the rewards of all end to end.
  private func supervision(_ lists: [[Double]]) -> Supervision {
    let count = lists.reduce(0) { $0 + $1.count }
    var first = 0
    return Supervision(
      pooledPositions: (0..<count).map(Int32.init),
      ratings: zip(0..<count, lists.flatMap { $0 }).map { RatingTarget(pooledPosition: $0, values: [$1]) },
      documents: (0..<count).map { _ in DocumentTarget(tokens: 0..<0) },
      groups: lists.map { scores in
        defer { first += scores.count }
        return DocumentGroup(documents: first..<first + scores.count, worth: .scores(scores))
      })
  }

  @Test func listsEqualTheirFormulas() throws {
    let all = Self.fixture, supervision = supervision(all.list_scores)
    for example in all.lists {
      let objective = RatingObjective(example.objective, temperature: example.temperature)
      let rewards = tensor(all.list_rewards).requiresGrad(true)
      let loss = objective(
        scores: rewards.view([12, 1]), supervision: supervision,
        denominators: objective.denominators(of: [supervision]))
      #expect(loss.lossTerms.map(\.name) == [example.objective.rawValue])
      #expect(abs(loss.total.item() - example.loss) < 1e-12, "\(example.objective) \(example.temperature)")
      try expectGradients(loss.total, [(rewards, tensor(example.gradient))], "\(example.objective)")
    }
    #expect(all.lists.count == 4)
  }

  /// The same of log-ratios: what `infoNCA` and `plackettLuce` are over whole responses, with β·m as the reward.
  @Test func listsAreGroupsOfRewards() throws {
    let all = SequenceFixtures.read("groups", as: SequenceFixtures.Groups.self), supervision = supervision(all.scores)
    for example in all.cases where ["infoNCA", "plackettLuce"].contains(example.objective) {
      let beta = try #require(example.beta)
      let objective = RatingObjective(
        example.objective == "infoNCA" ? .listwise : .listwiseOrder, temperature: example.temperature ?? 1)
      let ratios = tensor(all.log_ratios).requiresGrad(true)
      let loss = objective(
        scores: (ratios * beta).view([12, 1]), supervision: supervision,
        denominators: objective.denominators(of: [supervision]))
      #expect(abs(loss.total.item() - example.loss) < 1e-10)
      try expectGradients(loss.total, [(ratios, tensor(example.gradient))], example.objective)
    }
  }

  /// Two responses are a pair; lists of different lengths, and those of other batches of a step, add up.
  @Test func listsOfTwoArePairs() throws {
    let scores = Tensor([0.3, -1, 2, 0.5, 0.1], shape: [5, 1])
    let lists = supervision([[4, 1], [0, 2, 2]])
    let first = supervision([[4, 1]]), second = supervision([[0, 2, 2]])
    for loss in [RatingObjective.Loss.listwise, .listwiseOrder] {
      let objective = RatingObjective(loss, temperature: 0)
      let denominators = objective.denominators(of: [first, second])
      #expect(denominators.values == [2] && denominators == objective.denominators(of: [lists]))
      func value(_ scores: Tensor, _ supervision: Supervision) -> Double {
        objective(scores: scores, supervision: supervision, denominators: denominators).total.item()
      }
      let parts = value(scores.narrow(0, 0, 2), first) + value(scores.narrow(0, 2, 3), second)
      #expect(abs(value(scores, lists) - parts) < 1e-12)
      let pair = Supervision(
        pooledPositions: [0, 1], comparisons: [ComparisonTarget(chosen: 0, rejected: 1, margin: 1)])
      let terry = RatingObjective(.bradleyTerry)
      let paired = terry(
        scores: scores.narrow(0, 0, 2), supervision: pair, denominators: terry.denominators(of: [pair]))
      #expect(abs(2 * value(scores.narrow(0, 0, 2), first) - paired.total.item()) < 1e-12)
    }
    try RatingObjective.listwiseOrder.check(outputs: 1, values: 5)
    #expect(throws: ObjectiveError.self) { try RatingObjective.listwiseOrder.check(outputs: 5, values: 5) }
  }
}
