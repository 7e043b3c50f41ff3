// SPDX-License-Identifier: Apache-2.0
public import Files

/// An episode of VIMABench as it was recorded, one JSON object:
///
///     {"partition", "task", "seed", "end_effector", "prompt", "task_text_with_boxes", "success",
///      "steps": [{"image", "objects": [{"desc", "box_cxcywh"}], "action_text", "pose0", "pose1", "rot_deg_clockwise"}]}
public struct RecordedEpisode: Sendable {
  /// One action and what was seen before it.
  public struct Step: Sendable {
    /// Name of the image.
    public var image: String
    /// Everything on the table.
    public var objects: [DescribedObject]
    /// The answer line without `Step n: `.
    public var actionText: String
    /// Where the robot went, in metres.
    public var start: TablePoint
    /// Where it went then, in metres.
    public var end: TablePoint
    /// Degrees clockwise.
    public var rotation: Int
  }

  /// VIMABench's partition.
  public var partition: String
  /// Name of the task.
  public var kind: String
  /// Its seed.
  public var seed: Int
  /// What the robot holds.
  public var tool: EndEffector
  /// The task with its slots.
  public var task: TaskPrompt
  /// The task as LLaRA's D-inBC evaluation asks it.
  public var taskText: String
  /// Whether it was solved.
  public var isSuccess: Bool
  /// Its steps, in order.
  public var steps: [Step]

  /// Reads an episode.
  ///
  /// - Throws: `InputError` naming the field that is missing or wrong.
  public init(_ object: JSONReader) throws(InputError) {
    partition = try object.string(at: "partition")
    kind = try object.string(at: "task")
    seed = try object.int(at: "seed")
    let tool = try object.at("end_effector")
    guard let known = EndEffector(rawValue: try tool.string()) else {
      throw tool.error(expected: "suction or spatula")
    }
    self.tool = known
    taskText = try object.string(at: "task_text_with_boxes")
    task = try TaskPrompt(object.string(at: "prompt"), filledAs: taskText, path: object.path)
    isSuccess = try object.bool(at: "success")
    steps = []
    for step in try object.at("steps").elements() { steps.append(try Step(step)) }
  }
}

extension RecordedEpisode.Step {
  init(_ object: JSONReader) throws(InputError) {
    image = try object.string(at: "image")
    objects = []
    for element in try object.at("objects").elements() {
      let described = try element.at("desc")
      let text = try described.string()
      guard text.hasPrefix("<p>"), text.hasSuffix("</p>") else { throw described.error(expected: "<p>name</p>") }
      let box = try element.at("box_cxcywh").numbers(4)
      objects.append(
        DescribedObject(
          String(text.dropFirst(3).dropLast(4)),
          ImageBox(center: ImagePoint(x: box[0], y: box[1]), width: box[2], height: box[3])))
    }
    actionText = try object.string(at: "action_text")
    let first = try object.at("pose0").numbers(2), second = try object.at("pose1").numbers(2)
    (start, end) = (TablePoint(forward: first[0], side: first[1]), TablePoint(forward: second[0], side: second[1]))
    rotation = try object.int(at: "rot_deg_clockwise")
  }
}
