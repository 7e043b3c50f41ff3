// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import MetricTokens
import TokenData
import TorchNN

/// Rates answers by their implicit reward. With rewards of tokens, lines of several responses to a prompt are told again
/// with the rewards beside each, `chosen_rewards`: what objectives that read them (`tReg`) are trained on.
struct ImplicitScoring: RecordWork {
  let reward: ImplicitReward
  /// Whether rewards of single tokens are told.
  let showsTokens: Bool
  /// Reads lines of several responses; nil where they are not read.
  let responses: ResponseReader?

  /// - Parameter fields: names of the fields of such lines.
  init(_ reward: ImplicitReward, showsTokens: Bool, fields: ResponseFields) {
    (self.reward, self.showsTokens) = (reward, showsTokens)
    responses = showsTokens ? ResponseReader(fields: fields) : nil
  }

  func check(_ record: Record) throws {
    try reward.answering.checkTexts(record, of: reward.policy)
    try check(try reward.example(record))
  }

  func check(_ record: ResponseRecord) throws {
    for response in record.responses { try reward.answering.checkTexts(response, of: reward.policy) }
    for example in try reward.examples(record) { try check(example) }
  }

  private func check(_ example: ImplicitReward.Example) throws {
    for (model, read) in [(reward.policy, example.policy), (reward.reference, example.reference)] {
      let prompt = read.supervised.firstIndex(of: true) ?? read.ids.count
      try checkLength(prompt: prompt, answer: read.ids.count - prompt, of: model, source: example.source)
    }
  }

  func results(of records: [Record], places: [Int]) throws -> [JSON] {
    try zip(records, reward.readings(of: records)).map { record, reading in
      var object = JSONObject()
      object["id"] = .string(record.id ?? record.source)
      object["score"] = .double(reading.sum)
      object["logProbability"] = .double(reading.policy.reduce(0, +))
      object["reference"] = .double(reading.reference.reduce(0, +))
      object["tokens"] = .int(reading.rewards.count)
      if showsTokens {
        let tokenizer = reward.answering.encoder.tokenizer
        object["pieces"] = .array(reading.ids.map { .string(tokenizer.decode([$0])) })
        object["rewards"] = .numbers(reading.rewards)
        object["cumulative"] = .numbers(TokenRewards.cumulative(reading.rewards))
      }
      return .object(object)
    }
  }

  func results(ofResponses lines: [ResponseLine]) throws -> [JSON] {
    let examples = try lines.map { try reward.examples($0.record) }
    var readings = try reward.readings(of: examples.flatMap { $0 })[...]
    return zip(lines, examples).map { line, examples in
      var object = line.object
      let rewards = readings.prefix(examples.count).map { JSON.numbers($0.rewards) }
      readings = readings.dropFirst(examples.count)
      for (index, place) in line.record.tokens.enumerated() where place.index == nil {
        object["\(place.field)_rewards"] = rewards[index]
      }
      if let group = line.record.tokens.first, group.index != nil { object["\(group.field)_rewards"] = .array(rewards) }
      return .object(object)
    }
  }
}

extension JSON {
  fileprivate static func numbers(_ values: [Double]) -> JSON { .array(values.map { .double($0) }) }
}
