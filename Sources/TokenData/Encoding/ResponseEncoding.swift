// SPDX-License-Identifier: Apache-2.0
public import Files
public import MetricTokens

extension ExampleEncoder {
  /// A prompt with each of its responses, as documents side by side. Responses are learnt, with the token that ends them.
  ///
  /// Where a prompt ends is decided once for all its responses: they all begin with the prompt's own tokens, and if one
  /// of them cannot be cut together with it (its first characters would merge with the prompt's last), none is. Else the
  /// same word would be other tokens in one response than in the other.
  ///
  /// - Throws: `InputError` as ``encode(_:)``, if the chat template writes the prompt otherwise before another response,
  ///   or if numbers given with tokens are not as many as the tokens.
  public func encode(_ record: ResponseRecord) throws(InputError) -> EncodedExample {
    var analyses = [ExampleAnalysis]()
    for response in record.responses { analyses.append(try analyze(response, apart: false)) }
    if Set(analyses.map(\.wasCutApart)).count > 1 {
      for index in analyses.indices where !analyses[index].wasCutApart {
        analyses[index] = try analyze(record.responses[index], apart: true)
      }
    }
    let documents = analyses.map(\.example), prompt = documents[0].promptIDs
    guard documents.allSatisfy({ $0.images.isEmpty }) else {
      throw InputError(
        path: record.source, expected: "texts", found: "images", remedy: "Responses to images are not read yet.")
    }
    for document in documents.dropFirst() where document.promptIDs != prompt {
      throw InputError(
        path: record.source, expected: "a prompt that is the same tokens before all its responses",
        found: "\(prompt.count) and \(document.promptIDs.count) tokens that differ",
        remedy: "The chat template writes it otherwise: choose another one with data.template.")
    }
    for (given, document) in zip(record.tokens, documents) {
      try given.check(tokens: document.learntCount, source: record.source)
    }
    let given = record.tokens.map(\.values)
    return EncodedExample(
      documents: documents,
      Responses(record.worth, weight: record.weight, tokens: given.allSatisfy(\.isEmpty) ? [] : given),
      margin: record.worth.isPreference ? record.margin ?? 0 : nil, source: record.source)
  }

  /// Whether the chat template writes a record's responses.
  func renders(_ record: ResponseRecord) -> Bool {
    guard template != nil, let first = record.responses.first else { return false }
    if case .messages = first.content { return true }
    return wrapsPrompts
  }
}

extension EncodedExample {
  /// The tokens before the first that is learnt, of one document.
  fileprivate var promptIDs: ArraySlice<Int32> { ids[..<(supervised.firstIndex(of: true) ?? ids.count)] }

  /// Learnt tokens of one document: all but its first, before which there is none.
  fileprivate var learntCount: Int { supervised.dropFirst().count { $0 } }

  /// At most `length` tokens in each document. Nil if that leaves no learnt token in one of them.
  ///
  /// - Parameters:
  ///   - keepsAnswer: whether prompts lose their first tokens (but `kept`), all the same number of them; otherwise
  ///     responses lose their last ones.
  func shorteningDocuments(to length: Int, keepsAnswer: Bool, keeping kept: Int) -> EncodedExample? {
    let own = documents.indices.map(document), longest = own.map(\.ids.count).max() ?? 0
    guard var responses, longest > length else { return self }
    let shorter = own.map { document in
      keepsAnswer
        ? document.cuttingPrompt(to: document.ids.count - (longest - length), keeping: kept)
        : document.prefix(length)
    }
    let left = shorter.compactMap { $0 }.filter { $0.learntCount > 0 }
    guard left.count == own.count else { return nil }
    // Responses lose their last tokens, and so the numbers of those.
    responses.tokens = zip(responses.tokens, left).map { $0.prefix($1.learntCount) }
    return EncodedExample(documents: left, responses, margin: comparison, source: source)
  }
}

extension Worth {
  fileprivate var isPreference: Bool { if case .preference = self { true } else { false } }
}
