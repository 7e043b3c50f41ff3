// SPDX-License-Identifier: Apache-2.0
public import Files
import MetricTokens

/// Reads responses to prompts from JSON objects.
public struct ResponseReader: Sendable {
  /// Nil: each record is judged by its fields.
  public var format: ResponseFormat?
  /// Names of the fields.
  public var fields: ResponseFields
  /// Whether a HelpSteer2 record of strength 0, which prefers neither, is left out; otherwise it is refused.
  public var skipsTies: Bool
  /// Whether numbers that are given with tokens are read: fields named after the response's, `chosen_weights`,
  /// `chosen_divergence_weights`, `chosen_rewards`, and the same of the others.
  public var readsTokenValues: Bool
  /// Only records whose `split` is this, of HelpSteer2; nil: all.
  public var split: String?

  /// Memberwise.
  public init(
    format: ResponseFormat? = nil, fields: ResponseFields = ResponseFields(), skipsTies: Bool = false,
    readsTokenValues: Bool = false, split: String? = nil
  ) {
    (self.format, self.fields, self.skipsTies, self.split) = (format, fields, skipsTies, split)
    self.readsTokenValues = readsTokenValues
  }

  /// The records of a line: one; two of a preference that is unpaired; none that is left out.
  ///
  /// - Throws: `InputError` naming line and field: one that is missing, of a wrong type, or a format that this is not.
  public func records(_ file: some RecordFile, _ index: Int) throws(InputError) -> [ResponseRecord] {
    try file.read(index) { object throws(InputError) in try records(object, source: file.name(index)) }
  }

  /// The records of an object. A field that is null counts as absent.
  public func records(_ object: JSONReader, source: String) throws(InputError) -> [ResponseRecord] {
    let format = try format(of: object)
    var records =
      switch format {
      case .preference: [try preference(object)]
      case .unpaired: try unpaired(object)
      case .group: [try group(object)]
      case .helpSteer2Preference: try helpSteer2(object)
      }
    let id = try object.ifPresent(fields.id).flatMap { Self.name($0) }
    for index in records.indices {
      (records[index].source, records[index].id) = (source, id)
      for response in records[index].responses.indices { records[index].responses[response].source = source }
    }
    return records
  }

  private static func name(_ value: JSONReader) -> String? {
    switch value.value {
    case .string(let text): text
    case .int(let number): "\(number)"
    default: nil
    }
  }

  // MARK: Formats

  /// The format that an object's fields are of; nil for none of these.
  public func detected(in object: JSONReader) -> ResponseFormat? {
    [.preference, .helpSteer2Preference, .group, .unpaired].first { holds($0, object) }
  }

  /// Whether an object has the fields of a format.
  private func holds(_ format: ResponseFormat, _ object: JSONReader) -> Bool {
    switch format {
    case .preference: holds([fields.chosen, fields.rejected], object)
    case .helpSteer2Preference: holds(["preference_strength"], object)
    case .group: holds([fields.completions, fields.scores], object)
    case .unpaired: holds([fields.completion, fields.label], object)
    }
  }

  /// A field that is null counts as absent.
  private func holds(_ names: [String], _ object: JSONReader) -> Bool {
    guard let members = try? object.object() else { return false }
    return names.allSatisfy { members[$0].map { $0 != .null } ?? false }
  }

  private func format(of object: JSONReader) throws(InputError) -> ResponseFormat {
    let detected = detected(in: object)
    guard let format else {
      if let detected { return detected }
      throw try unknown(object)
    }
    // A preference stands for two single responses, and a group may have labels in place of scores.
    let stands =
      format == .unpaired && detected == .preference
      || format == .group && holds([fields.completions, "labels"], object)
    guard !stands, !holds(format, object) else { return format }
    guard let detected else { throw try unknown(object) }
    throw object.error(
      expected: "the fields of data.records: \(format.rawValue)", found: "those of \(detected.rawValue)",
      remedy: "Set data.records: \(detected.rawValue).")
  }

  /// What is wrong with an object that has the fields of no format.
  private func unknown(_ object: JSONReader) throws(InputError) -> InputError {
    let members = try object.object()
    func has(_ key: String) -> Bool { holds([key], object) }
    let names = members.members.prefix(8).map(\.key), all = names.joined(separator: ", ")
    var remedy = "Name your fields in data.fields."
    if has(fields.completions), has("labels") {
      remedy =
        "This is TRL's stepwise format, whose labels are of steps. If they are of responses, set data.records: group."
    } else if has(fields.completion) {
      remedy = "Without a label this is a prompt and its answer, which objective.preset: sft learns."
    } else if has("messages") || has("conversations") || has("text") {
      remedy = "This is text to be learnt as it is, by objective.preset: sft."
    } else if has(fields.chosen) || has(fields.rejected) {
      remedy = "A preference has both \(fields.chosen) and \(fields.rejected)."
    } else if let scores = members.members.first(where: { $0.key.hasSuffix("scores") || $0.key.hasSuffix("ratings") }) {
      remedy = "Is \(scores.key) meant to be \(fields.scores)? Name your fields in data.fields."
    }
    return object.error(
      expected: "\(fields.chosen) and \(fields.rejected), or \(fields.completion) and \(fields.label), or "
        + "\(fields.completions) and \(fields.scores)", found: all.isEmpty ? "no fields" : all, remedy: remedy)
  }

  private func preference(_ object: JSONReader) throws(InputError) -> ResponseRecord {
    let chosen = try object.at(fields.chosen), rejected = try object.at(fields.rejected)
    for side in [chosen, rejected] { try requireOne(side) }
    let said = try pair(try object.ifPresent(fields.prompt), chosen, rejected)
    let margin = try object.ifPresent(fields.margin).map { value throws(InputError) in
      try value.number(in: 0...Double.greatestFiniteMagnitude, "a margin from 0 on")
    }
    let probability = try object.ifPresent(fields.probability).map { value throws(InputError) in
      try value.number(in: 0...1, "a probability from 0 to 1")
    }
    return ResponseRecord(
      said, .preference(probability: probability ?? 1), margin: margin, weight: try weight(object),
      tokens: [try tokenValues(object, of: fields.chosen), try tokenValues(object, of: fields.rejected)])
  }

  /// Benchmarks have several responses on a side, as texts: they rate models and train none.
  private func requireOne(_ side: JSONReader) throws(InputError) {
    guard case .array(let values) = side.value, !values.isEmpty,
      values.allSatisfy({ if case .string = $0 { true } else { false } })
    else { return }
    throw side.error(
      expected: "a response, a text or a list of messages", found: "a list of \(values.count) texts",
      remedy: "Benchmarks with several responses a side, as RM-Bench and RewardBench 2, are read by dist2 evaluate RUN "
        + "--pairs FILE; to train on them, write a line for each pair.")
  }

  private func unpaired(_ object: JSONReader) throws(InputError) -> [ResponseRecord] {
    if try object.ifPresent(fields.completion) == nil, try object.ifPresent(fields.chosen) != nil {
      let pair = try preference(object)
      return [true, false].enumerated().map { index, isWanted in
        ResponseRecord(
          [pair.responses[index]], .label(isWanted), weight: pair.weight,
          tokens: pair.tokens.isEmpty ? [] : [pair.tokens[index]])
      }
    }
    let label = try object.at(fields.label)
    guard case .bool(let isWanted) = label.value else {
      throw label.error(expected: "true or false", remedy: "Ratings by numbers are a group: completions and scores.")
    }
    let response = try joined(try object.at(fields.prompt), try object.at(fields.completion))
    return [
      ResponseRecord(
        [response], .label(isWanted), weight: try weight(object),
        tokens: [try tokenValues(object, of: fields.completion)])
    ]
  }

  private func group(_ object: JSONReader) throws(InputError) -> ResponseRecord {
    let prompt = try object.at(fields.prompt), list = try object.at(fields.completions)
    var responses = [Record]()
    for response in try list.elements() { responses.append(try joined(prompt, response)) }
    guard responses.count > 1 else {
      throw list.error(expected: "at least two responses", found: "\(responses.count)")
    }
    let given = try object.ifPresent(fields.scores)
    let labels = given == nil && format == .group ? try object.ifPresent("labels") : nil
    let values = if let labels { labels } else { try object.at(fields.scores) }
    var scores = [Double]()
    for value in try values.elements() {
      if labels != nil, case .bool(let isGood) = value.value {
        scores.append(isGood ? 1 : 0)
      } else {
        scores.append(try value.number(in: -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude, "a score"))
      }
    }
    guard scores.count == responses.count else {
      throw values.error(expected: "a number for each of \(responses.count) responses", found: "\(scores.count)")
    }
    return ResponseRecord(
      responses, .scores(scores), weight: try weight(object),
      tokens: try tokenValues(object, ofEach: fields.completions, count: responses.count))
  }

  private func helpSteer2(_ object: JSONReader) throws(InputError) -> [ResponseRecord] {
    if let split, try object.ifPresent("split")?.string() != split { return [] }
    let strength = try object.at("preference_strength"), value = try strength.number(in: -3...3, "a strength of −3 … 3")
    if value == 0 {
      if skipsTies { return [] }
      throw strength.error(
        expected: "one response that is better", found: "strength 0, neither",
        remedy: "Leave such lines out: data.ties: skip.")
    }
    let names = value < 0 ? ["response_1", "response_2"] : ["response_2", "response_1"]
    let prompt = try object.at(fields.prompt)
    let both = try pair(prompt, try object.at(names[0]), try object.at(names[1]))
    return [
      ResponseRecord(
        both, .preference, margin: abs(value),
        tokens: [try tokenValues(object, of: names[0]), try tokenValues(object, of: names[1])])
    ]
  }

  private func weight(_ object: JSONReader) throws(InputError) -> Double {
    guard let weight = try object.ifPresent(fields.weight) else { return 1 }
    return try weight.number(in: 0...Double.greatestFiniteMagnitude, "a weight from 0 on")
  }
}
