// SPDX-License-Identifier: Apache-2.0
public import Files
public import Foundation

/// Chat template settings of a model's folder.
public enum FolderTemplate: Sendable, Hashable {
  /// It says nothing.
  case none
  /// One that this library knows.
  case known(ChatTemplate)
  /// Another, in this file.
  case unknown(path: String)

  /// Reads `chat_template.jinja`, `tokenizer_config.json` or `chat_template.json`, the first that has a template.
  ///
  /// - Parameters:
  ///   - today: the day that a template writes which asks for it.
  ///   - tokenizer: the folder's, with whose marks a template is run that this library does not know; nil: it stays
  ///     unknown.
  /// - Throws: `InputError` for a file that is malformed.
  public init(
    folder: String, today: String = ChatTemplate.today(), tokenizer: Tokenizer? = nil
  ) throws(InputError) {
    self = .none
    guard let (jinja, path) = try Self.stated(inFolder: folder) else { return }
    self.init(jinja, path, today, tokenizer)
  }

  /// The template for conversations that a folder states, as it stands there; nil where it states none.
  ///
  /// - Throws: `InputError` for a file that is malformed.
  public static func text(inFolder folder: String) throws(InputError) -> String? { try stated(inFolder: folder)?.jinja }

  /// The template of the first file that has one (of a list without one for conversations: nil), and that file.
  private static func stated(inFolder folder: String) throws(InputError) -> (jinja: String?, path: String)? {
    let file = folder + "/chat_template.jinja"
    if fileExists(file) { return (String(decoding: try fileBytes(file, limit: 1 << 20), as: UTF8.self), file) }
    for name in ["tokenizer_config.json", "chat_template.json"] {
      let path = "\(folder)/\(name)"
      guard fileExists(path), let json = try JSONReader(file: path).ifPresent("chat_template") else { continue }
      return (try conversational(json), path)
    }
    return nil
  }

  /// Either one template, or a list of named ones of which "default" is for conversations.
  private static func conversational(_ json: JSONReader) throws(InputError) -> String? {
    guard case .array = json.value else { return try json.string() }
    for item in try json.elements() where try item.string(at: "name") == "default" {
      return try item.string(at: "template")
    }
    return nil
  }

  private init(_ jinja: String?, _ path: String, _ today: String, _ tokenizer: Tokenizer?) {
    self = .unknown(path: path)
    guard let jinja else { return }
    if let known = ChatTemplate(jinja: jinja, today: today) {
      self = .known(known)
    } else if let tokenizer, let template = try? InterpretedTemplate(jinja, path: path, tokenizer: tokenizer) {
      self = .known(.interpreted(template))
    }
  }

  /// The template, if it is known.
  public var known: ChatTemplate? {
    if case .known(let template) = self { template } else { nil }
  }

  /// Message to a user who needs the template.
  ///
  /// - Parameter place: who needs it: a run file or a record.
  public func error(_ path: String, place: String = "", _ tokenizer: Tokenizer) -> InputError {
    if case .known(let template) = self {
      return InputError(
        path: path, place: place, expected: "a chat template for messages",
        found: "data.template: none, though the model's folder has \(template.name)",
        remedy: "Leave data.template out, or set it to model.")
    }
    let names = ChatTemplate.names(fitting: tokenizer)
    let remedy =
      names.first.map { first in
        "Name one in the run file whose marks this tokenizer has: data.template: \(first)"
          + (names.count > 1 ? " (or \(names.dropFirst().joined(separator: ", ")))." : ".")
      }
      ?? "This tokenizer has the marks of no template that dist2 knows: set data.template: none, and write prompt and "
      + "completion instead of messages."
    let found =
      switch self {
      case .unknown(let file): "one in the model's folder that it does not know (\(file))"
      default: "none in the model's folder"
      }
    return InputError(
      path: path, place: place, expected: "a chat template for messages that dist2 knows", found: found, remedy: remedy)
  }
}

extension ChatTemplate {
  /// The template that a model's folder comes with; nil if the folder has none.
  ///
  /// - Throws: `InputError` for a file that is malformed, and for a template that is none of those known.
  public init?(folder: String, today: String = ChatTemplate.today()) throws(InputError) {
    switch try FolderTemplate(folder: folder, today: today) {
    case .none: return nil
    case .known(let template): self = template
    case .unknown(let path):
      throw InputError(
        path: path, place: "chat_template",
        expected: "a template of " + Self.named.map(\.name).joined(separator: ", "), found: "another",
        remedy: "Name the one to use in the run file.")
    }
  }

  /// A day as Llama's templates write it, in local time: `29 Nov 2026`.
  public static func today(_ date: Date = Date()) -> String {
    var seconds = time_t(date.timeIntervalSince1970), parts = tm()
    localtime_r(&seconds, &parts)
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let day = parts.tm_mday < 10 ? "0\(parts.tm_mday)" : "\(parts.tm_mday)"
    return "\(day) \(months[Int(parts.tm_mon)]) \(parts.tm_year + 1900)"
  }
}
