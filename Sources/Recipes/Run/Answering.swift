// SPDX-License-Identifier: Apache-2.0
public import Evaluation
import Foundation
import MetricTokens
public import TokenData
import Torch
public import TorchNN

/// Lets a model answer records the way a run file says, and reads the numbers of what it says.
public struct Answering: Sendable {
  /// From records to ids.
  public let encoder: ExampleEncoder
  /// How answers are generated.
  public var options: GenerationOptions
  /// Ends of an answer.
  let ends: AnswerEnds
  let parser: AnswerNumbers
  private let fixedBudget: Int?
  /// Where the run file has the beginnings of long prompts cut off: tokens of an example at most, answer included.
  let longestExample: Int?

  /// - Parameter longestAnswer: tokens of the longest right answer, if known: where the run file sets no limit, twice
  ///   that many and 16 more are generated at most.
  public init(_ artifacts: RunArtifacts, longestAnswer: Int? = nil) {
    encoder = artifacts.encoder
    ends = encoder.ends
    let settings = artifacts.settings.evaluate
    options = GenerationOptions(
      maxNewTokens: settings.maxNewTokens ?? longestAnswer.map { 2 * $0 + 16 } ?? 256,
      stopIDs: Set(ends.ids))
    fixedBudget = settings.tokenBudget
    longestExample = artifacts.settings.data.tooLong == .cutPrompt ? artifacts.maxLength : nil
    parser = AnswerNumbers(encoder, rules: encoder.metrics, count: settings.numbers)
  }

  /// Question and right answer of a record.
  ///
  /// With `data.tooLong: cutPrompt` a long prompt is cut as it is for training: by as much as prompt and right answer
  /// are too long. Where no right answer is known, room for a generated one is left, of half the length at most.
  public func item(_ record: Record) throws -> EvaluationItem {
    if longestExample != nil { try ExampleEncoder.checkCut(record) }
    let (prompt, reference) = record.promptAndReference, question = try question(record, isAnswered: !reference.isEmpty)
    return EvaluationItem(
      id: record.id ?? record.source, prompt: prompt, ids: question.ids, images: question.images,
      source: record.source, reference: reference, truth: parser.numbers(in: reference))
  }

  private func question(
    _ record: Record, isAnswered: Bool
  ) throws -> (ids: [Int32], images: [ExampleImage]) {
    let question = try encoder.question(record)
    guard let longestExample else { return question }
    let answer =
      isAnswered
      ? max(1, try encoder.encode(record).ids.count - question.ids.count)
      : max(1, min(options.maxNewTokens, longestExample / 2))
    // The answer's first token stands for it: nothing from there on is cut.
    let example = EncodedExample(
      ids: question.ids + [0], supervised: question.ids.map { _ in false } + [true], images: question.images,
      source: record.source)
    guard let shorter = cut(example, to: longestExample - answer + 1) else { return question }
    return (shorter.ids.dropLast(), shorter.images)
  }

  /// An example whose prompt is cut as it is for training, where the run file says so and it can be done.
  func fitted(_ example: EncodedExample) -> EncodedExample {
    longestExample.flatMap { cut(example, to: $0) } ?? example
  }

  private func cut(_ example: EncodedExample, to length: Int) -> EncodedExample? {
    guard example.breaks.isEmpty, !example.ids.isEmpty else { return nil }
    return example.cuttingPrompt(to: length, keeping: example.ids.first == encoder.tokenizer.roles.begin ? 1 : 0)
  }

  /// Reads and prepares the images of items when they are asked for; nil if there are none.
  public func images(_ items: [EvaluationItem]) -> PromptImages? {
    images(items.map(\.images), sources: items.map(\.source))
  }

  /// As ``images(_:)``, of sequences that are known by their images alone.
  func images(_ images: [[ExampleImage]], sources: [String]) -> PromptImages? {
    guard let tokens = encoder.images, images.contains(where: { !$0.isEmpty }) else { return nil }
    return { try tokens.prepared(images[$0], source: sources[$0]) }
  }

  /// Answers of a model, item by item.
  ///
  /// - Parameter hook: makes what changes the scores of continuations of some prompts; nil for nothing.
  public func answers(
    _ items: [EvaluationItem], _ model: any TokenModel, streams: [UInt64]? = nil,
    hook: ((_ prompts: [[Int32]], _ options: GenerationOptions) throws -> LogitsHook)? = nil,
    onDone: (() -> Void)? = nil
  ) throws -> [(text: String, finish: FinishReason)] {
    let prompts = items.map(\.ids)
    let generations = try naming(items.map(\.source)) {
      try withBudget(model) { budget in
        try TokenGenerator(model).generate(
          prompts, options, streams: streams, tokenBudget: budget,
          onToken: { event in if event.finish != nil { onDone?() } }, hook: hook.map { try $0(prompts, options) },
          images: images(items),
          isEnd: ends.texts.isEmpty ? nil : { [ends, encoder] in ends.isReached(by: $0, encoder.tokenizer) })
      }
    }
    return generations.map { (ends.cutting(encoder.tokenizer.decode($0.ids)), $0.finish) }
  }

  /// ln p of each token that training would learn, and of nothing besides: in a conversation the answers with their
  /// ends, each after all that stands before it. One list an example.
  func logLikelihoods(
    of examples: [EncodedExample], _ model: any TokenModel, sources: [String]
  ) throws -> [[Double]] {
    let learnt = examples.map { example in example.ids.indices.dropFirst().filter { example.supervised[$0] } }
    let images = images(examples.map(\.images), sources: examples.map(\.source))
    return try naming(sources) {
      try withBudget(model) {
        try Scorer(model).logLikelihoods(in: examples.map(\.ids), at: learnt, tokenBudget: $0, images: images)
      }
    }
  }

  /// Runs `body` with a number of tokens that fits in memory: the run file's, or what the machine has room for. Where
  /// memory runs out all the same, it is run again with half as many.
  public func withBudget<R>(_ model: any TokenModel, _ body: (_ tokens: Int) throws -> R) throws -> R {
    var budget = try fixedBudget ?? automaticTokenBudget(model)
    while true {
      do { return try body(budget) } catch let error as TorchError where error.isMemory && budget > 512 {
        budget /= 2
      }
    }
  }

  /// The same as records to be judged.
  public func records(
    _ items: [EvaluationItem], _ model: any TokenModel, onDone: (() -> Void)? = nil
  ) throws -> [PredictionRecord] {
    zip(items, try answers(items, model, onDone: onDone)).map { item, answer in
      PredictionRecord(
        id: item.id, prompt: item.prompt, reference: item.reference, text: answer.text, truth: item.truth,
        values: parser.numbers(in: answer.text, expecting: item.truth.count), finish: answer.finish)
    }
  }
}

/// Reads the numbers that count from an answer: by the run's metrics, or any where it has none.
///
/// Metrics whose tokens are values by themselves (bins) give the values of those tokens, however they are spelt.
struct AnswerNumbers: Sendable {
  private let tokenizer: Tokenizer
  private let rules: [MetricRule]
  private let count: Int?

  init(_ encoder: ExampleEncoder, rules: [MetricRule], count: Int?) {
    tokenizer = encoder.tokenizer
    // Labels and codes have no numbers; spans are known of records, not of answers.
    self.rules = rules.filter { $0.finder.space.writesNumbers || $0.finder.space.unit == .character }
    self.count = count
  }

  /// The numbers of a right answer.
  func numbers(in text: String) -> [Double] {
    let all = found(in: text)
    return count.map { Array(all.prefix($0)) } ?? all
  }

  /// The numbers of a model's answer; nil unless there are as many as there should be. What follows does not matter.
  func numbers(in text: String, expecting: Int) -> [Double]? {
    let all = found(in: text)
    return all.count < expecting || expecting == 0 ? nil : Array(all.prefix(expecting))
  }

  private func found(in text: String) -> [Double] {
    guard !rules.isEmpty else { return NumberGrammar().numbers(in: text).map(\.value) }
    var all = [(range: Range<Int>, value: Double)]()
    for rule in rules {
      let spans: [Range<Int>]? =
        if case .delimiters(let delimiters) = rule.region { delimiters.spans(in: text) } else { nil }
      for number in numbers(in: text, within: spans, rule.finder)
      where !all.contains(where: { $0.range.overlaps(number.range) }) {
        all.append(number)
      }
    }
    return all.sorted { $0.range.lowerBound < $1.range.lowerBound }.map(\.value)
  }

  private func numbers(
    in text: String, within spans: [Range<Int>]?, _ finder: MetricFinder
  ) -> [(range: Range<Int>, value: Double)] {
    guard finder.space.unit == .token, let values = finder.space.values else {
      return finder.grammar.numbers(in: text, within: spans).map { ($0.range, $0.value) }
    }
    let encoding = tokenizer.encode(text, addSpecialTokens: false)
    let pieces = zip(encoding.ids, encoding.offsets).map { TokenPiece(id: $0, range: $1) }
    return finder.find(in: pieces, text: text, within: spans).flatMap { found in
      found.positions.map { (pieces[$0.position].range, values[$0.candidate]) }
    }
  }
}

extension Record {
  /// The same with another answer.
  func answering(_ text: String) -> Record {
    var record = self
    switch content {
    case .promptCompletion(let prompt, _): record.content = .promptCompletion(prompt, text)
    case .text: record.content = .text(text)
    case .messages(var messages):
      if messages.last?.role == .assistant { messages.removeLast() }
      record.content = .messages(messages + [ChatMessage(.assistant, text)])
    }
    // They are places in the answer that it had.
    record.spans = [:]
    return record
  }

  /// What is asked, as a person would read it, and the right answer ("" where there is none).
  var promptAndReference: (prompt: String, reference: String) {
    switch content {
    case .promptCompletion(let prompt, let answer): return (prompt, answer ?? "")
    case .text(let text): return ("", text)
    case .messages(let messages):
      let isAnswered = messages.last?.role == .assistant
      let asked = isAnswered ? messages.dropLast() : messages[...]
      return (
        asked.map { "\($0.role.rawValue): \($0.content)" }.joined(separator: "\n"),
        isAnswered ? messages.last?.content ?? "" : ""
      )
    }
  }
}
