// SPDX-License-Identifier: Apache-2.0
public import Files

/// A template of Jinja as Hugging Face's tokenizers carry it for conversations.
///
/// It renders what `apply_chat_template` of transformers renders (Jinja 3.1 with `trim_blocks`, `lstrip_blocks`, loop
/// controls and `{% generation %}`, in a sandbox), knows which of its output came from which message, and ends within
/// ``JinjaLimits`` whatever the template says. It reads no file and no network.
public struct JinjaTemplate: Sendable {
  private let nodes: [Node]
  private let names: [String: Int]
  /// What errors call the template.
  public let path: String

  /// Reads a template.
  ///
  /// - Parameters:
  ///   - source: its text, at most 1 MiB.
  ///   - path: what errors call it: the file that it comes from.
  /// - Throws: `InputError` with the line, for a text that is no template.
  public init(_ source: String, path: String = "<chat template>") throws(InputError) {
    self.path = path
    let bytes = Array(source.utf8)
    guard bytes.count <= JinjaLimits.source else {
      throw InputError(
        path: path, expected: "a template of at most \(JinjaLimits.source) bytes", found: "\(bytes.count)")
    }
    do throws(Fault) {
      var parser = try Parser(bytes)
      nodes = try parser.template()
      names = parser.names
    } catch {
      throw InputError(error, path: path, line: 1)
    }
  }

  /// The names that the template reads or sets: `messages`, `tools`, `enable_thinking`, ….
  public var variables: Set<String> { Set(names.keys) }

  /// Writes a conversation.
  ///
  /// Members of messages that are null are left out, and `reasoning_content`, `thinking` and `reasoning` stand for one
  /// another, as `apply_chat_template` does it.
  ///
  /// - Parameters:
  ///   - messages: objects with `role`, `content` and whatever else the template reads.
  ///   - tools: JSON schemas of functions; nil: `none`.
  ///   - documents: objects with `title` and `text`; nil: `none`.
  ///   - addGenerationPrompt: whether it is to end where the assistant goes on.
  ///   - bosToken: the text of `bos_token`; nil: undefined.
  ///   - eosToken: the text of `eos_token`; nil: undefined.
  ///   - extra: further names that templates ask for, such as `enable_thinking`; they count for more than those above.
  ///   - now: seconds since 1970 for `strftime_now`, which writes them in local time; nil: the machine's clock.
  ///   - limits: bounds of the work.
  /// - Throws: `InputError` with the template's line: for a conversation that the template refuses, an operation that its
  ///   values do not have, and work beyond the limits.
  public func render(
    messages: [JSON], tools: [JSON]? = nil, documents: [JSON]? = nil, addGenerationPrompt: Bool = false,
    bosToken: String? = nil, eosToken: String? = nil, extra: JSONObject = JSONObject(), now: Double? = nil,
    limits: JinjaLimits = JinjaLimits()
  ) throws(InputError) -> RenderedTemplate {
    var input = TemplateInput()
    var interpreter: Interpreter?
    do throws(Fault) {
      var variables: [String: Value] = [
        "messages": .list(try Items(try input.messages(messages))),
        "tools": try tools.map { tools throws(Fault) in try input.value(.array(tools)) } ?? .none,
        "documents": try documents.map { documents throws(Fault) in try input.value(.array(documents)) } ?? .none,
        "add_generation_prompt": .bool(addGenerationPrompt),
      ]
      if let bosToken { variables["bos_token"] = .text(bosToken) }
      if let eosToken { variables["eos_token"] = .text(eosToken) }
      for (key, value) in extra.members { variables[key] = try input.value(value) }
      let running = Interpreter(
        names: names, limits: limits, budget: limits.steps + 4 * input.size, clock: Clock(seconds: now))
      interpreter = running
      var known: [Int: Value] = [:]
      for (name, value) in variables { if let id = names[name] { known[id] = value } }
      try running.run(nodes, known)
      return RenderedTemplate(running.output, running.generations, input.leaves)
    } catch {
      throw InputError(error, path: path, line: interpreter?.line ?? 1)
    }
  }
}

/// Bounds of what a template may do.
public struct JinjaLimits: Sendable, Hashable {
  /// Bytes of a template.
  public static let source = 1 << 20

  /// Steps, about a tenth of a microsecond or eight bytes each; four more are allowed for each byte of the conversation.
  public var steps = 20_000_000
  /// Expressions, blocks and calls inside one another.
  public var depth = 500
  /// Bytes of the output.
  public var output = 64 << 20

  /// The bounds that conversations stay far below.
  public init() {}
}

extension InputError {
  init(_ fault: Fault, path: String, line: Int) {
    self.init(
      path: path, place: "line \(fault.line ?? line)", expected: fault.expected, found: fault.found,
      remedy: fault.remedy)
  }
}
