// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch

/// Objectives over pairs and single responses against TRL's own functions and formulas in float64.
@Suite struct SequenceObjectiveTests {
  static let pairs = SequenceFixtures.read("pairs", as: SequenceFixtures.Pairs.self)
  static let free = SequenceFixtures.read("reference_free", as: SequenceFixtures.Pairs.self)
  static let unpaired = SequenceFixtures.read("unpaired", as: SequenceFixtures.Unpaired.self)

  /// The objective of a case of pairs.
  private func objective(_ example: SequenceFixtures.Case) throws -> SequenceObjective {
    var p = SequenceParameters(beta: example.beta, smoothing: example.label_smoothing)
    func best(_ link: SequenceLink, _ length: SequenceReward.Length = .sum) -> SequenceObjective {
      SequenceObjective(name: example.loss_type, reward: SequenceReward(length: length), target: .best(), link: link)
    }
    switch example.loss_type {
    case "sigmoid": return try SequenceObjective(.dpo, p)
    case "ipo", "ipo_mean": return try SequenceObjective(.ipo, p)
    case "ipo_sum":
      p.length = .sum
      return try SequenceObjective(.ipo, p)
    case "cdpo": return try SequenceObjective(.cdpo, p)
    case "soft_dpo": return try SequenceObjective(.softDPO, p)
    case "robust": return try SequenceObjective(.robustDPO, p)
    case "exo_pair": return try SequenceObjective(.exo, p)
    case "sigmoid,sft":
      p.crossEntropy = try #require(example.weights)[1]
      return try SequenceObjective(.rpo, p)
    case "nca_pair": return best(.sigmoid(noise: .uniform))
    case "bco_pair": return best(.sigmoid(noise: .complement))
    case "apo_zero": return best(.prospect())
    case "sigmoid_norm": return best(.softmax(), .mean)
    default:
      Issue.record("no objective for \(example.loss_type)")
      return SequenceObjective(name: "none")
    }
  }

  private func check(
    _ batch: SequenceBatch, _ objective: SequenceObjective, _ example: SequenceFixtures.Case, _ tolerance: Double
  ) {
    let found = batch(objective)
    #expect(abs(found.loss.total.item() - example.loss) < tolerance * max(1, abs(example.loss)), "\(example.source)")
    for (own, theirs) in zip(found.gradient, example.gradient) {
      #expect(largestDifference(own, theirs) < tolerance * max(1, abs(example.loss)), "\(example.source)")
    }
    let measured = Dictionary(
      uniqueKeysWithValues: found.loss.measurements.map { ($0.name, $0.sum.item() / $0.count) })
    for (name, value) in example.metrics ?? [:] where name != "rewards/margins" || objective.target != .labels {
      // TRL keeps accuracies in float32; of single responses its margin is the difference of two means.
      #expect(abs((measured[name] ?? .nan) - value) < max(tolerance, 1e-7), "\(example.source) \(name)")
    }
  }

  @Test func pairsEqualTRLAndFormulas() throws {
    let all = Self.pairs
    let policy = all.policy_chosen + all.policy_rejected
    let reference = try #require(all.reference_chosen) + #require(all.reference_rejected)
    for example in all.cases {
      let worth = Worth.preference(probability: example.target ?? 1)
      let objective = try objective(example)
      for dtype in [DType.float64, .float32] {
        let batch = SequenceBatch(
          policy, reference: reference, groups: (0..<3).map { ([$0, $0 + 3], worth) }, dtype: dtype)
        check(batch, objective, example, dtype == .float64 ? 1e-10 : 1e-5)
      }
    }
    #expect(all.cases.count == 13)
  }

  @Test func pairsWithoutReferenceEqualTRL() throws {
    let all = Self.free
    for example in all.cases {
      let parameters = SequenceParameters(
        beta: example.beta, length: example.length, smoothing: example.label_smoothing, margin: example.gamma)
      let objective: SequenceObjective
      switch example.loss_type {
      case "simpo": objective = try SequenceObjective(.simpo, parameters)
      case "sigmoid" where example.label_smoothing == 0: objective = try SequenceObjective(.arm, parameters)
      case "sigmoid":
        objective = SequenceObjective(
          name: "cpo", reward: SequenceReward(.logProbability, beta: example.beta),
          target: .best(smoothing: example.label_smoothing ?? 0))
      case "orpo":
        // Its β is the weight of the odds; the cross entropy is not in the fixture.
        objective = try SequenceObjective(.orpo, SequenceParameters(crossEntropy: 0, weight: example.beta))
      default: continue
      }
      let batch = SequenceBatch(
        all.policy_chosen + all.policy_rejected, groups: (0..<3).map { ([$0, $0 + 3], .preference) })
      check(batch, objective, example, example.loss_type == "orpo" ? 1e-7 : 1e-10)
    }
  }

  @Test func singleResponsesEqualTRLAndFormulas() throws {
    let all = Self.unpaired
    for example in all.cases {
      var parameters = SequenceParameters(beta: example.beta)
      var anchor = example.shift
      switch example.loss_type {
      case "kto", "apo_zero_unpaired":
        parameters.wanted = example.desirable_weight ?? 1
        parameters.unwanted = example.undesirable_weight ?? 1
        let mismatched = try #require(example.mismatched_log_ratios)
        anchor = example.loss_type == "kto" ? max(0, mismatched.reduce(0, +) / Double(mismatched.count)) : 0
      default: break
      }
      let preset: SequencePreset =
        ["bco": .bco, "implicit_prm_ce": .implicitPRM][example.loss_type] ?? .kto
      let batch = SequenceBatch(
        all.policy, reference: all.reference, groups: all.labels.enumerated().map { ([$0.offset], .label($0.element)) },
        anchor: anchor)
      check(batch, try SequenceObjective(preset, parameters), example, 1e-10)
    }
    #expect(all.cases.count == 6)
  }

  /// One token a response, whose log-ratio is given.
  @Test func groupsEqualFormulas() throws {
    let all = SequenceFixtures.read("groups", as: SequenceFixtures.Groups.self)
    for example in all.cases {
      let isLikelihood = example.on == "log_probabilities"
      let parameters = SequenceParameters(
        beta: example.beta, temperature: example.temperature ?? (example.objective == "raml" ? 0.5 : 1))
      let objective: SequenceObjective =
        example.objective == "reverse"
        ? SequenceObjective(
          name: "reverse", reward: SequenceReward(beta: try #require(example.beta)),
          target: .scores(temperature: parameters.temperature), link: .softmax(.reverse))
        : try SequenceObjective(try #require(SequencePreset(rawValue: example.objective)), parameters)
      let rows = (isLikelihood ? all.log_probabilities : all.log_ratios).flatMap { $0 }.map { [$0] }
      let batch = SequenceBatch(
        rows, reference: isLikelihood ? nil : rows.map { _ in [0] },
        groups: all.scores.enumerated().map { group, scores in
          (scores.indices.map { group * scores.count + $0 }, .scores(scores))
        })
      let found = batch(objective)
      let scale = max(1, abs(example.loss))
      #expect(abs(found.loss.total.item() - example.loss) < 1e-10 * scale, "\(example.objective)")
      #expect(
        largestDifference(found.gradient.flatMap { $0 }, example.gradient.flatMap { $0 }) < 1e-10 * scale,
        "\(example.objective)")
    }
    #expect(all.cases.count == 11)
  }

  /// Through hidden states and head, the log-probabilities computed a few rows at a time.
  @Test(arguments: [1, 4, 128]) func tokenWeightsAndDivergencesEqualFormulas(rowsAtOnce: Int) throws {
    let all = SequenceFixtures.read("tokens", as: SequenceFixtures.Tokens.self)
    func tensor(_ rows: [[Double]]) -> Tensor { Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count]) }
    let logReference = OutputHead(weight: tensor(all.reference.head))(tensor(all.reference.hidden)).logSoftmax(1)
    let index = Tensor(all.labels.map(Int64.init)).unsqueeze(1)
    // Pairs are documents 0 and 2, 1 and 3: side by side they have to be.
    let order = [0, 2, 1, 3]
    let rows = order.flatMap { Array(all.documents[$0][0]..<all.documents[$0][1]) }
    let taken = Tensor(rows.map(Int64.init))
    let lengths = order.map { all.documents[$0][1] - all.documents[$0][0] }
    let ends = lengths.reduce(into: [0]) { $0.append($0.last! + $1) }
    let supervision = Supervision(
      documents: zip(ends, ends.dropFirst()).map { DocumentTarget(tokens: $0..<$1) },
      groups: [0..<2, 2..<4].map { DocumentGroup(documents: $0, worth: .preference) })
    for example in all.cases where example.objective != "criticalDPOPerPosition" {
      let preset = try #require(SequencePreset(rawValue: example.objective))
      var parameters = SequenceParameters(beta: example.beta)
      if preset == .tReg { parameters.weight = example.alpha }
      if let l1 = example.l1 { (parameters.maskPenalty, parameters.divergenceMaskPenalty) = (l1[0], l1[1]) }
      let objective = try SequenceObjective(preset, parameters)
      let hidden = tensor(all.hidden).requiresGrad(true), head = tensor(all.head).requiresGrad(true)
      let output = OutputHead(weight: head)
      func given(_ values: [Double]?) -> Tensor? { values.map { Tensor($0).indexSelect(0, taken) } }
      var values = SequenceValues(
        logProbabilities: output.logProbabilities(
          hidden.indexSelect(0, taken), of: rows.map { all.labels[$0] }, rowsAtOnce: rowsAtOnce),
        reference: logReference.gather(1, index).squeeze(1).indexSelect(0, taken), weights: given(example.reward_mask),
        divergenceWeights: given(example.kl_mask), rewards: given(example.token_rewards))
      if objective.needsDivergence {
        values.divergence = output.divergences(
          hidden.indexSelect(0, taken), .forward, rowsAtOnce: rowsAtOnce
        ) { logReference.indexSelect(0, taken.narrow(0, $0, $1)) }
      }
      if preset == .criticalDPO {
        // The fixture has c of chosen and 1 − c of rejected tokens; c itself is asked for.
        let weights = try #require(example.weights), chosen = all.documents[1][1]
        values.weights = given(weights.enumerated().map { $0.offset < chosen ? $0.element : 1 - $0.element })
      }
      let loss = objective(values, supervision: supervision, denominators: objective.denominators(of: [supervision]))
      #expect(abs(loss.total.item() - example.loss) < 1e-10, "\(example.objective)")
      let found = gradients(of: [loss.total], withRespectTo: [hidden, head])
      for (own, theirs) in zip(found, [example.gradient_hidden, example.gradient_head]) {
        #expect(difference(try #require(own), tensor(theirs)) < 1e-10, "\(example.objective)")
      }
    }
  }

  /// The same weights of critical tokens by the two models that they come from, and the whole by the training protocol.
  @Test func criticalTokensEqualFormulas() throws {
    let all = SequenceFixtures.read("tokens", as: SequenceFixtures.Tokens.self)
    let models = SequenceFixtures.read("distillation", as: SequenceFixtures.Companions.self).models
    let example = try #require(all.cases.first { $0.objective == "criticalDPO" })
    func tensor(_ rows: [[Double]]) -> Tensor { Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count]) }
    let order = [0, 2, 1, 3].map { all.documents[$0] }, rows = order.flatMap { Array($0[0]..<$0[1]) }
    let taken = Tensor(rows.map(Int64.init)), ends = order.reduce(into: [0]) { $0.append($0.last! + $1[1] - $1[0]) }
    func states(_ model: SequenceFixtures.Tokens.Model) -> ReferenceStates {
      ReferenceStates(hidden: tensor(model.hidden).indexSelect(0, taken), head: OutputHead(weight: tensor(model.head)))
    }
    let reference = OutputHead(weight: tensor(all.reference.head)).logProbabilities(
      tensor(all.reference.hidden).indexSelect(0, taken), of: rows.map { all.labels[$0] }
    ).array(of: Float.self)
    let supervision = Supervision(
      logitRows: rows.map(Int32.init), labels: rows.map { all.labels[$0] },
      documents: zip(ends, ends.dropFirst()).map {
        DocumentTarget(tokens: $0..<$1, values: TokenValues(reference: Array(reference[$0..<$1])))
      }, groups: [0..<2, 2..<4].map { DocumentGroup(documents: $0, worth: .preference) })
    let objective = try SequenceObjective(
      .criticalDPO, SequenceParameters(beta: example.beta, critical: .criticalTokens))
    #expect(objective.referenceModels == ["positive", "negative"])
    #expect(!objective.needsTokenWeights)
    let hidden = tensor(all.hidden).requiresGrad(true), head = tensor(all.head).requiresGrad(true)
    let loss = objective.loss(
      of: hidden.indexSelect(0, taken), head: OutputHead(weight: head),
      referenceModels: [
        "positive": states(try #require(models["dpo"])), "negative": states(try #require(models["reverse"])),
      ], supervision: supervision, denominators: objective.denominators(of: [supervision]))
    // Log-probabilities of the reference model are kept in float32.
    #expect(abs(loss.total.item() - example.loss) < 1e-7)
    let found = gradients(of: [loss.total], withRespectTo: [hidden, head])
    for (own, theirs) in zip(found, [example.gradient_hidden, example.gradient_head]) {
      #expect(difference(try #require(own), tensor(theirs)) < 1e-6)
    }
  }

  @Test func numbersOfTokensThatAreMissing() throws {
    let given = TokenValues(weights: [0.5, 1], rewards: [1, -1])
    for preset in [SequencePreset.criticalDPO, .tReg, .sparsePO] {
      let objective = try SequenceObjective(preset)
      try objective.check([given, given])
      for tokens in [[], [given, TokenValues()]] {
        #expect(throws: ObjectiveError.self) { try objective.check(tokens) }
      }
    }
    try SequenceObjective(.dpo).check([TokenValues]())
    #expect(throws: ObjectiveError.self) { try SequenceObjective(.criticalDPO).check([TokenValues(weights: [1.5])]) }
    try SequenceObjective(.sparsePO).check([TokenValues(weights: [1.5])])
    try SequenceObjective(.criticalDPO, SequenceParameters(critical: .criticalTokens)).check([TokenValues]())
  }
}
