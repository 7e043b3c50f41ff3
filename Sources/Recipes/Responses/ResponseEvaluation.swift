// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
public import Reports
public import TokenData
import Torch
public import TorchNN
import Training

/// Whether a model that was trained on responses tells better ones from worse ones among those it has not seen, and
/// whether it does more than count their tokens.
public struct ResponseEvaluation {
  /// The responses to a prompt, as the model sees them.
  public struct Judged: Sendable, Hashable, Codable {
    /// `valid.jsonl line 3`
    public var source: String
    /// What was said of each: `chosen`, `score 3`.
    public var worth: [String]
    /// Reward of each: β times the sum of log-ratios, or what the objective reads of its own log-probabilities.
    public var rewards: [Double]
    /// Sum of the log-probabilities of each.
    public var logps: [Double]
    /// Learnt tokens of each.
    public var tokens: [Int]
    /// Share of the pairs of unequal responses whose rewards are in their order; nil where there are none.
    public var accuracy: Double?
  }

  /// The prompts, in the order of the file.
  public let judged: [Judged]
  private let worths: [Worth]
  private let hasReference: Bool

  /// Whether a file holds responses, rather than prompts and their answers.
  ///
  /// - Throws: `InputError` if it cannot be read.
  public static func reads(_ source: DataSource, _ settings: RunSettings) throws -> Bool {
    guard settings.readsResponses else { return false }
    let file = try DataFiles(source)
    guard file.count > 0 else { return false }
    return settings.data.responseReader(nil).detected(in: try file.record(0)) != nil
      || [settings.data.train, settings.data.valid, settings.data.test].contains(source)
  }

  /// Lets a model read responses.
  ///
  /// - Parameters:
  ///   - model: loads the trained model; asked for after the reference model has done its part, so that both are not in
  ///     memory together.
  ///   - progress: told how many examples were read, each as often as there are ``passes(of:)``.
  /// - Throws: `InputError` for a reference model that cannot be loaded, `TorchError` if an operation fails.
  public init(
    _ artifacts: ResponseArtifacts, _ dataset: ResponseDataset, model: () throws -> any TokenModel,
    progress: (_ done: Int) -> Void = { _ in }
  ) throws {
    let reader = BatchedReader(dataset.examples, pad: artifacts.base.pad), count = dataset.count
    let isRatio = Self.passes(of: artifacts) == 2
    var reference: [[[Float]]]?
    if isRatio, artifacts.mode != .withoutAdapters {
      let twin = ReferenceModel.twin(try artifacts.loadReference(dtype: .float32))
      reference = try reader.read(twin, progress: progress)
    }
    let trained = try model()
    if isRatio, reference == nil {
      reference = try reader.read(.withoutAdapters(trained), progress: progress)
    }
    let own = try reader.read(.twin(trained)) { progress((isRatio ? count : 0) + $0) }
    judged = dataset.examples.indices.map { index in
      Judged(dataset.examples[index], own[index], reference?[index], artifacts.sequence)
    }
    worths = dataset.examples.compactMap { $0.responses?.worth }
    hasReference = isRatio
  }

  /// How often each example is read: by the reference model, if there is one, and by the model.
  public static func passes(of artifacts: ResponseArtifacts) -> Int {
    artifacts.sequence?.needsReference == true ? 2 : 1
  }

  // MARK: Figures

  /// A figure with its interval.
  public struct Figure: Sendable, Hashable, Codable {
    /// Its name: `rewards/accuracies`.
    public var name: String
    /// A mean or share; nil where nothing was counted.
    public var value: Double?
    /// 95 % interval over prompts (bootstrap, percentiles); nil where there is none.
    public var interval: [Double]?
    /// What was counted.
    public var count: Int
  }

  /// Accuracy, margin, and what length alone explains.
  public var figures: [Figure] {
    if isSingle { return singleFigures }
    let margins = zip(judged, worths).compactMap { judged, worth -> Double? in
      let best = worth.bestIndex, others = judged.rewards.indices.filter { $0 != best }
      guard !others.isEmpty, !worth.orderedPairs.isEmpty else { return nil }
      return judged.rewards[best] - others.reduce(0) { $0 + judged.rewards[$1] } / Double(others.count)
    }
    return [
      mean("rewards/accuracies", judged.compactMap(\.accuracy)), mean("rewards/margins", margins),
      mean("logps/accuracies", accuracies(\.logps)),
    ] + lengthFigures
  }

  private var isSingle: Bool { worths.allSatisfy { $0.count == 1 } }

  private func accuracies(_ values: (Judged) -> [Double]) -> [Double] {
    zip(judged, worths).compactMap { $1.accuracy(of: values($0)) }
  }

  /// Pairs by which response is longer, and how the difference of rewards goes with that of lengths.
  private var lengthFigures: [Figure] {
    var longer = [Double](), shorter = [Double](), wins = [Double](), rewards = [Double](), lengths = [Double]()
    for (judged, worth) in zip(judged, worths) {
      for (better, worse) in worth.orderedPairs {
        let difference = judged.tokens[better] - judged.tokens[worse]
        let isRight = judged.rewards[better] > judged.rewards[worse] ? 1.0 : 0
        if difference > 0 { longer.append(isRight) } else if difference < 0 { shorter.append(isRight) }
        wins.append(difference > 0 ? 1 : difference == 0 ? 0.5 : 0)
        // In the order of the file's responses, not of their worth.
        let (first, second) = (min(better, worse), max(better, worse))
        rewards.append(judged.rewards[first] - judged.rewards[second])
        lengths.append(Double(judged.tokens[first] - judged.tokens[second]))
      }
    }
    let correlation = Correlation.spearman(rewards, lengths)
    return [
      mean("length/accuracy_if_better_is_longer", longer), mean("length/accuracy_if_better_is_shorter", shorter),
      mean("length/longer_is_better", wins),
      Figure(
        name: "length/correlation", value: correlation.isFinite ? correlation : nil, interval: nil,
        count: rewards.count),
    ]
  }

  /// Of single responses: the mean rewards of wanted and unwanted ones, and how often a wanted one is above an unwanted
  /// one.
  private var singleFigures: [Figure] {
    func rewards(_ isWanted: Bool) -> [Double] {
      zip(judged, worths).filter { $1.isGood(0) == isWanted }.flatMap { $0.0.rewards }
    }
    let wanted = rewards(true), unwanted = rewards(false), sorted = unwanted.sorted()
    // Ties count half.
    let above = wanted.map { value in
      Double(sorted.prefix { $0 < value }.count) + Double(sorted.count { $0 == value }) / 2
    }
    let pairs = wanted.count * unwanted.count
    return [
      mean("rewards/chosen", wanted), mean("rewards/rejected", unwanted),
      Figure(
        name: "rewards/area_under_curve", value: pairs > 0 ? above.reduce(0, +) / Double(pairs) : nil, interval: nil,
        count: pairs),
      Figure(
        name: "length/correlation",
        value: Optional(Correlation.spearman(judged.map { $0.rewards[0] }, judged.map { Double($0.tokens[0]) }))
          .flatMap { $0.isFinite ? $0 : nil },
        interval: nil, count: judged.count),
    ]
  }

  private func mean(_ name: String, _ values: [Double]) -> Figure {
    guard !values.isEmpty else { return Figure(name: name, value: nil, interval: nil, count: 0) }
    let interval = Bootstrap(resamples: 1000, method: .percentile).interval(of: values)
    return Figure(
      name: name, value: values.reduce(0, +) / Double(values.count),
      interval: values.count > 1 ? [interval.low, interval.high] : nil, count: values.count)
  }

  /// The figures, one a row.
  public func table(_ caption: String) -> Table {
    var table = Table(
      caption,
      columns: [Table.Column("figure")]
        + ["value", "95 % interval", "of"].map { Table.Column($0, alignment: .right) })
    for figure in figures {
      func shown(_ value: Double) -> String { "\(figure.isShare ? Quantity.percent(value) : Quantity.number(value))" }
      table.add([
        .text(figure.label), figure.value.map { .text(shown($0)) } ?? .missing,
        figure.interval.map { .text("\(shown($0[0])) … \(shown($0[1]))") } ?? .missing, .count(figure.count),
      ])
    }
    table.notes.append(
      hasReference
        ? "reward: β times the sum of log π/π_ref over a response's tokens."
        : "reward: of the model's own log-probabilities, without a reference model.")
    if !isSingle {
      table.notes.append(
        "An accuracy that is high where the better response is longer and low where it is shorter is one of length.")
    }
    return table
  }

  /// Rewards of each prompt's responses, as JSON lines.
  public func write(to path: String) throws { try writeJSONLines(judged, to: path) }
}

extension ResponseEvaluation.Figure {
  fileprivate var isShare: Bool { ["accurac", "longer_is", "area"].contains { name.contains($0) } }

  /// In words.
  fileprivate var label: String {
    switch name {
    case "rewards/accuracies": "pairs in the right order, by reward"
    case "rewards/margins": "margin of rewards"
    case "logps/accuracies": "pairs in the right order, by log π"
    case "length/accuracy_if_better_is_longer": "… where the better is longer"
    case "length/accuracy_if_better_is_shorter": "… where the better is shorter"
    case "length/longer_is_better": "pairs whose better is longer"
    case "length/correlation": "reward with length, Spearman ρ"
    case "rewards/chosen": "reward of wanted responses"
    case "rewards/rejected": "reward of unwanted responses"
    case "rewards/area_under_curve": "wanted above unwanted"
    default: name
    }
  }
}

extension ResponseEvaluation.Judged {
  fileprivate init(
    _ example: EncodedExample, _ own: [[Float]], _ reference: [[Float]]?, _ objective: SequenceObjective?
  ) {
    func sum(_ values: [Float]) -> Double { values.reduce(0) { $0 + Double($1) } }
    let worth = example.responses?.worth
    source = example.source
    self.worth = own.indices.map { worth?.name(of: $0) ?? "" }
    logps = own.map(sum)
    tokens = own.map(\.count)
    let beta = objective?.reward.beta ?? 1, isMean = reference == nil && objective?.reward.length == .mean
    rewards = own.indices.map { index in
      let total = sum(own[index]) - (reference.map { sum($0[index]) } ?? 0)
      return beta * (isMean ? total / Double(max(own[index].count, 1)) : total)
    }
    accuracy = worth?.accuracy(of: rewards)
  }
}

extension Worth {
  /// Share of the pairs of unequal responses whose values are strictly in their order; nil without such pairs.
  fileprivate func accuracy(of values: [Double]) -> Double? {
    let pairs = orderedPairs
    guard !pairs.isEmpty else { return nil }
    return Double(pairs.count { values[$0.better] > values[$0.worse] }) / Double(pairs.count)
  }
}

/// Examples of responses, read a few at a time, neighbours in length together.
private struct BatchedReader {
  let examples: [EncodedExample]
  let pad: Int32

  init(_ examples: [EncodedExample], pad: Int32) { (self.examples, self.pad) = (examples, pad) }

  /// log π of the learnt tokens of each document.
  func read(_ model: ReferenceModel, progress: (_ done: Int) -> Void) throws -> [[[Float]]] {
    var values = [[[Float]]](repeating: [], count: examples.count)
    let order = examples.indices.sorted { (examples[$0].ids.count, $0) < (examples[$1].ids.count, $1) }
    for start in stride(from: 0, to: order.count, by: 8) {
      let chosen = order[start..<min(start + 8, order.count)]
      let batch = TokenBatch(chosen.map { examples[$0] }, pad: pad)
      let found = try model.logProbabilities(of: batch)
      for (index, group) in zip(chosen, batch.supervision.groups) {
        values[index] = batch.supervision.documents[group.documents].map { Array(found[$0.tokens]) }
      }
      progress(start + chosen.count)
    }
    return values
  }
}
