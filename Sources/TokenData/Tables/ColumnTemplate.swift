// SPDX-License-Identifier: Apache-2.0
import Files

/// Prompt and answer as texts with columns in braces: `A {carat} carat {cut} diamond. Price: ` and `{price:05}`.
///
/// Behind a colon may stand how a number is written (``NumberForm``). `{{` and `}}` are braces.
public struct ColumnTemplate: Sendable, Hashable {
  /// Text of the prompt.
  public let prompt: String
  /// Text of the answer.
  public let completion: String
  private let promptParts: [Part]
  private let completionParts: [Part]

  private enum Part: Sendable, Hashable {
    case text(String)
    case column(String, NumberForm?)
  }

  /// What is wrong with a template's text.
  public struct Fault: Error {
    /// `prompt` or `completion`.
    public var key: String
    /// As in `InputError`.
    public var expected: String, found: String, remedy: String
  }

  /// Reads both texts.
  ///
  /// - Throws: `Fault` for braces without a partner, and an answer without a column.
  public init(prompt: String, completion: String) throws(Fault) {
    (self.prompt, self.completion) = (prompt, completion)
    promptParts = try Self.parts(prompt, "prompt")
    completionParts = try Self.parts(completion, "completion")
    guard !Self.columns(completionParts).isEmpty else {
      throw Fault(
        key: "completion", expected: "a column to learn, such as {price}", found: "text alone",
        remedy: "With the same answer everywhere there is nothing to learn.")
    }
  }

  /// Columns of the prompt, in their order, and those of the answer.
  public var columns: (prompt: [String], completion: [String]) {
    (Self.columns(promptParts), Self.columns(completionParts))
  }

  /// Columns of the answer whose numbers have a form.
  public var answerForms: [(column: String, form: NumberForm)] {
    completionParts.compactMap { if case .column(let name, let form?) = $0 { (name, form) } else { nil } }
  }

  /// Text with the braces that a template needs to write it.
  public static func escaped(_ text: String) -> String { text.replacing("{", with: "{{").replacing("}", with: "}}") }

  // MARK: Writing

  /// Prompt and answer of a record.
  ///
  /// - Parameter needsAnswer: whether the answer's columns must be there.
  /// - Throws: `InputError` naming the column: one that the record does not have, without a value, with something else
  ///   than text or a number, or with text where a number's form is given.
  func content(of object: JSONReader, needsAnswer: Bool) throws(InputError) -> Record.Content {
    let question = try text(promptParts, object)
    if !needsAnswer {
      for name in Self.columns(completionParts) where try object.ifPresent(name) == nil {
        return .promptCompletion(question, nil)
      }
    }
    let answer = try text(completionParts, object)
    guard !answer.withoutOuterSpace.isEmpty else {
      throw object.error(expected: "text to learn", found: "an empty answer")
    }
    return .promptCompletion(question, answer)
  }

  private func text(_ parts: [Part], _ object: JSONReader) throws(InputError) -> String {
    var text = ""
    for part in parts {
      switch part {
      case .text(let words): text += words
      case .column(let name, let form):
        let cell = try self.cell(name, object), written = try cell.text()
        guard let form else {
          text += written
          continue
        }
        guard let number = form.write(written) else {
          throw cell.error(
            expected: "a number, to be written as {\(name):\(form.text)}", found: "\"\(written.prefix(40))\"",
            remedy: "Correct it, or leave such lines out: data.skipBad: true.")
        }
        text += number
      }
    }
    return text
  }

  private func cell(_ name: String, _ object: JSONReader) throws(InputError) -> JSONReader {
    let members = try object.object()
    guard let value = members[name] else {
      let names = members.members.map(\.key)
      let near = nearestName(to: name, among: names).map { "Is {\($0)} meant? " } ?? ""
      throw object.error(
        expected: "a column \"\(name)\", as data.template says",
        found: names.prefix(16).map(\.orNoName).joined(separator: ", ") + (names.count > 16 ? ", …" : ""),
        remedy: near + "Numbers are written as {name:05}, {name:.2f} or {name:07.2f}; {{ and }} are braces.")
    }
    guard value != .null else {
      throw object.child(name, value).error(
        expected: "a value", found: "none", remedy: "Fill it in, or leave such lines out: data.skipBad: true.")
    }
    return object.child(name, value)
  }

  // MARK: Reading

  private static func columns(_ parts: [Part]) -> [String] {
    parts.compactMap { if case .column(let name, _) = $0 { name } else { nil } }
  }

  private static func parts(_ text: String, _ key: String) throws(Fault) -> [Part] {
    var parts = [Part](), words = "", rest = Array(text.unicodeScalars)[...]
    func fault(_ expected: String, _ found: String) -> Fault {
      Fault(
        key: key, expected: expected, found: found, remedy: "Braces that stand for themselves are written {{ and }}.")
    }
    while let scalar = rest.popFirst() {
      guard scalar == "{" || scalar == "}" else {
        words.unicodeScalars.append(scalar)
        continue
      }
      if rest.first == scalar {
        rest.removeFirst()
        words.unicodeScalars.append(scalar)
        continue
      }
      guard scalar == "{" else { throw fault("a column in braces", "} without {") }
      guard let end = rest.firstIndex(where: { $0 == "}" || $0 == "{" }), rest[end] == "}" else {
        throw fault("a column in braces", "{ without }")
      }
      let name = String(String.UnicodeScalarView(rest[..<end]))
      rest = rest[(end + 1)...]
      guard !name.withoutOuterSpace.isEmpty else { throw fault("a column's name in braces", "{\(name)}") }
      if !words.isEmpty { parts.append(.text(words)) }
      words = ""
      parts.append(column(name))
    }
    if !words.isEmpty { parts.append(.text(words)) }
    return parts
  }

  /// A name, and the form behind its last colon. Where that is no form it is a part of the name.
  private static func column(_ text: String) -> Part {
    if let colon = text.lastIndex(of: ":"), let form = NumberForm(text[text.index(after: colon)...]) {
      return .column(String(text[..<colon]), form)
    }
    return .column(text, nil)
  }
}
