// SPDX-License-Identifier: Apache-2.0
/// How a task, what is seen, and what was done become a prompt.
public struct PromptTemplate: Sendable, Hashable, Codable {
  /// Contents of the slots of the task.
  public enum Assets: String, Sendable, Hashable, Codable, CaseIterable {
    /// Names alone (LLaRA's inBC).
    case names
    /// Names and boxes (LLaRA's D-inBC).
    case boxes
  }

  /// How the table is seen.
  public enum Observation: String, Sendable, Hashable, Codable, CaseIterable {
    /// ``imageMark``: an image goes with the prompt.
    case image
    /// The boxes and headings of all objects, for models that read alone.
    case boxes
  }

  /// What stands in the slots of the task.
  public var assets: Assets
  /// How the table is seen.
  public var observation: Observation
  /// The line between task and rules; LLaRA's training data has none, its evaluation one of fifteen.
  public var question: String?
  /// Whether the rules of answering stand in every prompt. A small model that knows one task does without.
  public var rules: Bool
  /// Whether scenes in the task say how their objects are turned: what an image of them would show. LLaRA's do not.
  public var headings: Bool

  /// Placeholder of the table's image in a prompt, in LLaRA's words.
  public static let imageMark = "<image0>"

  /// Memberwise. The default is D-inBC as it is trained.
  ///
  /// - Parameter headings: nil for those that come with the observation: with boxes they are there, with an image not.
  public init(
    assets: Assets = .boxes, observation: Observation = .image, question: String? = nil, rules: Bool = true,
    headings: Bool? = nil
  ) {
    (self.assets, self.observation, self.question, self.rules) = (assets, observation, question, rules)
    self.headings = headings ?? (observation == .boxes)
  }

  /// The prompt of a step.
  ///
  /// - Parameters:
  ///   - scene: the objects on the table, for ``Observation/boxes``.
  ///   - history: the actions already taken.
  public func prompt(
    _ task: TaskPrompt, tool: EndEffector, scene: [DescribedObject] = [], history: [ManipulationAction] = []
  ) -> String {
    let words = assets == .names ? task.textWithNames : task.textWithBoxes(headings: headings)
    return prompt(taskText: words, tool: tool, scene: scene, history: history)
  }

  /// The same for a task that is text already.
  public func prompt(
    taskText: String, tool: EndEffector, scene: [DescribedObject] = [], history: [ManipulationAction] = []
  ) -> String {
    let seen = observation == .image ? Self.imageMark : scene.sceneText
    var lines = [seen, "<task>\(taskText)</task>"] + [question].compactMap { $0 }
    if rules { lines.append(Self.rules(tool)) }
    if !history.isEmpty {
      let steps = history.enumerated().map { "Step \($0.offset + 1): \($0.element.text(object: "object"))" }
      lines.append("You have finished: " + steps.joined(separator: "\n"))
    }
    return lines.joined(separator: "\n")
  }

  /// Pattern of an answer, as Fig. 8 has it. (No space follows the suction cup's second full stop: the
  /// published checkpoints were trained so.)
  public static func rules(_ tool: EndEffector) -> String {
    let places =
      tool == .spatula
      ? "where you start to sweep the object using a spatula, and the second location is where you stop sweeping. "
      : "where you use a suction cup to pick up the object, and the second location is where you place the object."
    return "Every action you take must include two locations in the format of <b>(x, y)</b> and one clockwise rotation "
      + "angle in the format of <r>[r]</r>. The first location is the image coordinate \(places)The image coordinate "
      + "ranges from 0 to 1. The rotation angle indicates how many degrees you rotate the "
      + "\(tool == .spatula ? "spatula" : "object") clockwise, and it ranges from -359 to 359."
  }
}
