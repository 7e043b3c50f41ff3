// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
public import Reports
public import TokenData
public import Torch
public import TorchNN
public import Training

/// Whether a model that was trained on responses tells better ones from worse ones among those it has not seen, and
/// whether it does more than count their tokens.
public struct ResponseEvaluation: Sendable, Hashable, Codable {
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
  let worths: [Worth]
  let hasReference: Bool

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
  ///   - cache: what the reference model says of them, computed before; nil: it is asked.
  ///   - model: loads the trained model; asked for after the reference model has done its part, so that both are not in
  ///     memory together.
  ///   - group: processes that share the examples; nil for one alone.
  ///   - progress: told how many examples this process has read, each as often as there are ``passes(of:)``.
  /// - Throws: `InputError` for a reference model that cannot be loaded, `TorchError` if an operation fails.
  public init(
    _ artifacts: ResponseArtifacts, _ dataset: ResponseDataset, reference cache: ReferenceCache? = nil,
    sharedBy group: ProcessGroup? = nil, model: () throws -> any TokenModel,
    progress: (_ done: Int) -> Void = { _ in }
  ) throws {
    let isRatio = Self.passes(of: artifacts) == 2
    var done = 0
    func read(_ model: ReferenceModel) throws -> [[[Float]]] {
      let before = done
      return try group.sharing(dataset.examples) { examples in
        // Nothing stops it.
        try model.logProbabilities(
          of: examples, pad: artifacts.base.pad,
          progress: {
            done = before + $0
            progress(done)
          }) ?? []
      }
    }
    var reference: [[[Float]]]?
    if isRatio, let cache {
      reference = try dataset.examples.indices.map { try cache.values(of: $0) }
    } else if isRatio, artifacts.mode != .withoutAdapters {
      reference = try read(.twin(try artifacts.loadReference(dtype: .float32)))
    }
    let trained = try model()
    if isRatio, reference == nil { reference = try read(.withoutAdapters(trained)) }
    let own = try read(.twin(trained))
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
