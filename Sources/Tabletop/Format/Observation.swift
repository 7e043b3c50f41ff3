// SPDX-License-Identifier: Apache-2.0
public import Files

/// Observation of a policy: a task, what is seen, what was done.
///
///     {"id": …, "prompt": "Put the {a} into the {b}.", "assets": {"a": {"name", "box"}, "b": [{"name", "box"}, …]},
///      "tool": "suction", "objects": [{"name", "box", "heading"}], "history": [{"start", "end", "rotation"}]}
///
/// `"task"` (text with boxes) may stand in place of `prompt` and `assets`, and `"text"` (the whole prompt) in place of
/// all; boxes are `[x, y, w, h]`, centre and size as shares of the image. `"image"` is the file of the image, for
/// models that see.
public struct Observation: Sendable {
  /// Tool of the robot; `suction` unless said.
  public var tool: EndEffector
  /// File of the image of the table; nil where there is none.
  public var image: String?
  private var content: Content
  private var objects: [DescribedObject]
  private var history: [ManipulationAction]

  private enum Content: Sendable {
    case task(TaskPrompt)
    case taskText(String)
    case prompt(String)
  }

  /// Reads an observation.
  ///
  /// - Throws: `InputError` naming the field that is missing or wrong.
  public init(_ object: JSONReader) throws(InputError) {
    tool = .suction
    if let given = try object.ifPresent("tool") {
      guard let known = EndEffector(rawValue: try given.string()) else {
        throw given.error(expected: "suction or spatula")
      }
      tool = known
    }
    (objects, history) = ([], [])
    image = try object.ifPresent("image").map { value throws(InputError) in try value.string() }
    if let text = try object.ifPresent("text") {
      content = .prompt(try text.string())
      return
    }
    if let task = try object.ifPresent("task") {
      content = .taskText(try task.string())
    } else {
      var task = TaskPrompt(try object.string(at: "prompt"))
      if let assets = try object.ifPresent("assets") {
        for (name, value) in try assets.object().members {
          task.assets[name] = try TaskPrompt.Asset(assets.child(name, value))
        }
      }
      content = .task(task)
    }
    for element in try object.ifPresent("objects")?.elements() ?? [] { objects.append(try DescribedObject(element)) }
    for element in try object.ifPresent("history")?.elements() ?? [] {
      let start = try element.at("start").numbers(2), end = try element.at("end").numbers(2)
      history.append(
        ManipulationAction(
          tool, start: ImagePoint(x: start[0], y: start[1]), end: ImagePoint(x: end[0], y: end[1]),
          rotation: try element.int(at: "rotation")))
    }
  }

  /// The prompt of this moment, ended by a line break as examples are.
  public func prompt(_ template: PromptTemplate) -> String {
    switch content {
    case .prompt(let text): text
    case .task(let task): template.prompt(task, tool: tool, scene: objects, history: history) + "\n"
    case .taskText(let text): template.prompt(taskText: text, tool: tool, scene: objects, history: history) + "\n"
    }
  }
}

extension TaskPrompt.Asset {
  /// One object, or an array of them.
  fileprivate init(_ reader: JSONReader) throws(InputError) {
    guard case .array = reader.value else {
      self = .object(try DescribedObject(reader))
      return
    }
    var objects = [DescribedObject]()
    for element in try reader.elements() { objects.append(try DescribedObject(element)) }
    self = .scene(objects)
  }
}

extension DescribedObject {
  /// `{"name": "red ring", "box": [0.254, 0.570, 0.094, 0.156], "heading": 35}`
  fileprivate init(_ reader: JSONReader) throws(InputError) {
    let box = try reader.at("box").numbers(4)
    self.init(
      try reader.string(at: "name"),
      ImageBox(center: ImagePoint(x: box[0], y: box[1]), width: box[2], height: box[3]),
      heading: try reader.ifPresent("heading")?.int())
  }
}

extension JSONReader {
  /// So many numbers.
  ///
  /// - Throws: `InputError` if there are more or fewer, or something else.
  func numbers(_ count: Int) throws(InputError) -> [Double] {
    var numbers = [Double]()
    for element in try elements() { numbers.append(try element.double()) }
    guard numbers.count == count else { throw error(expected: "\(count) numbers") }
    return numbers
  }
}
