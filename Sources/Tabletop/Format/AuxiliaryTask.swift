// SPDX-License-Identifier: Apache-2.0
import Foundation

/// LLaRA's six auxiliary tasks: questions about the same scenes that teach places and distances.
///
/// Answers are LLaRA's to the letter. The questions are this project's own words; LLaRA draws one of about fifteen.
public enum AuxiliaryTask: String, Sendable, Hashable, Codable, CaseIterable {
  /// All objects with their boxes.
  case detection = "obj_det"
  /// The box of a named object.
  case localization = "obj_loc"
  /// The action that turns this scene into that.
  case actionPrediction = "act_pred"
  /// The scene after an action.
  case futurePrediction = "fut_pred"
  /// How one object lies to another.
  case spatialRelation = "spa_rel"
  /// How that has changed.
  case temporalRelation = "tmp_rel"

  /// Whether it speaks of two moments and the action between them.
  public var needsStep: Bool { ![.detection, .localization, .spatialRelation].contains(self) }
}

/// A question and its answer.
public struct AuxiliaryExample: Sendable, Hashable {
  /// Which task it is of.
  public var task: AuxiliaryTask
  /// The question.
  public var prompt: String
  /// What is to be said.
  public var answer: String
}

/// Two moments of an episode, and what was done between them.
public struct SceneStep: Sendable {
  /// The scene before.
  public var before: [DescribedObject]
  /// What was done.
  public var action: NamedAction
  /// The scene after.
  public var after: [DescribedObject]

  /// Memberwise. Both scenes name the same objects in the same order.
  public init(before: [DescribedObject], action: NamedAction, after: [DescribedObject]) {
    (self.before, self.action, self.after) = (before, action, after)
  }
}

extension AuxiliaryTask {
  private static let boxes =
    "Boxes are written <b>(x, y), {w, h}</b>: centre, width and height as shares of the image, from its top left corner."

  /// All examples of this task that a scene gives; for tasks about a step there are none.
  public func examples(of scene: [DescribedObject], _ observation: PromptTemplate.Observation = .image)
    -> [AuxiliaryExample]
  {
    let seen = observation == .image ? "<image>" : scene.sceneText
    let bare = scene.map(\.withoutHeading)
    switch self {
    case .detection:
      return [example(seen, "Which objects does the image show, and where? \(Self.boxes)", bare.sceneText)]
    case .localization:
      return bare.map { example(seen, "Where in the image is the \($0.nameText)? \(Self.boxes)", $0.text + ".") }
    case .spatialRelation:
      let pairs = Self.pairs(bare)
      let answers = pairs.map { Self.spatial($0.0, $0.1) }
      return answers.indices.map { index in
        let question =
          "How does the \(pairs[index].0.nameText) lie to the \(pairs[index].1.nameText)? Give the difference of their "
          + "centres and its length, in this form: \(Self.sample(answers, index))."
        return example(seen, question, answers[index])
      }
    case .actionPrediction, .futurePrediction, .temporalRelation: return []
    }
  }

  /// All examples of this task that a step gives; for tasks about a scene there are none.
  public func examples(of step: SceneStep, _ observation: PromptTemplate.Observation = .image) -> [AuxiliaryExample] {
    let seen = observation == .image ? "<image>" : step.before.sceneText
    let after = step.after.map(\.withoutHeading)
    switch self {
    case .actionPrediction:
      let question = "Which action turns this scene into the following one? \(after.sceneText) \(Self.boxes)"
      return [example(seen, question + "\n" + PromptTemplate.rules(step.action.action.tool), step.action.text)]
    case .futurePrediction:
      let sentence = step.action.text.dropLast()
      let words = sentence.prefix(1).lowercased() + sentence.dropFirst()
      return [example(seen, "Now you \(words). Where are all objects then? \(Self.boxes)", after.sceneText)]
    case .temporalRelation:
      let before = Self.pairs(step.before.map(\.withoutHeading)), later = Self.pairs(after)
      precondition(before.map(\.0.name) == later.map(\.0.name), "both scenes name the same objects")
      let answers = zip(before, later).map { Self.temporal($0, $1) }
      return answers.indices.map { index in
        let question =
          "The next image shows \(after.sceneText). How has the \(before[index].0.nameText) moved relative to the "
          + "\(before[index].1.nameText)? Answer in this form: \(Self.sample(answers, index))."
        return example(seen, question, answers[index])
      }
    case .detection, .localization, .spatialRelation: return []
    }
  }

  private func example(_ seen: String, _ question: String, _ answer: String) -> AuxiliaryExample {
    AuxiliaryExample(task: self, prompt: seen + "\n" + question, answer: answer)
  }

  /// The answer before this one stands as the example of the form, the last before the first.
  private static func sample(_ answers: [String], _ index: Int) -> String {
    let other = answers[index == 0 ? answers.count - 1 : index - 1]
    return other.hasSuffix(".") ? String(other.dropLast()) : other
  }

  /// Every object with every other one. Of objects of one name the last counts.
  private static func pairs(_ scene: [DescribedObject]) -> [(DescribedObject, DescribedObject)] {
    var names = [String](), byName = [String: DescribedObject]()
    for object in scene {
      if byName.updateValue(object, forKey: object.name) == nil { names.append(object.name) }
    }
    let unique = names.compactMap { byName[$0] }
    return unique.flatMap { ego in unique.filter { $0.name != ego.name }.map { (ego, $0) } }
  }

  /// The published wording, its two slips (`containig`, and `horizontally` where vertically is meant) included: models
  /// trained on it say so.
  private static func spatial(_ ego: DescribedObject, _ other: DescribedObject) -> String {
    let a = ego.box, b = other.box
    let column =
      a.center.x < b.center.x
      ? (a.right < b.right ? "left" : "horizontally containig")
      : (a.left < b.left ? "horizontally containig" : "right")
    let row =
      a.center.y < b.center.y
      ? (a.bottom < b.bottom ? "top" : "vertically containig")
      : (a.top < b.top ? "horizontally containig" : "bottom")
    let delta = Offset(from: other, to: ego)
    return "\(ego.nameText) is \(column) and \(row) from \(other.nameText) with 2d center distance (x,y) of "
      + "<d>(\(delta.x.decimals), \(delta.y.decimals))</d> and euclidean center distance of "
      + "<e>\(delta.length.decimals)</e>."
  }

  private static func temporal(
    _ before: (DescribedObject, DescribedObject), _ after: (DescribedObject, DescribedObject)
  ) -> String {
    let (ego, other) = (after.0.nameText, after.1.nameText)
    let first = Offset(from: before.1, to: before.0), second = Offset(from: after.1, to: after.0)
    let change = second.length - first.length
    let words =
      change > 0.01
      ? "\(other) moves far away from \(ego). "
      : change < -0.01
        ? "\(other) moves closer to \(ego). " : "The distance between \(other) and \(ego) does not change. "
    return words + "2d center distance (x,y) of \(ego) from \(other) changes by "
      + "<d>(\((second.x - first.x).decimals), \((second.y - first.y).decimals))</d> and Euclidean center distance "
      + "between them <e>\(change.decimals)</e>.\n"
  }
}

private struct Offset {
  let x: Double
  let y: Double
  var length: Double { (x * x + y * y).squareRoot() }

  init(from other: DescribedObject, to ego: DescribedObject) {
    x = ego.box.center.x - other.box.center.x
    y = ego.box.center.y - other.box.center.y
  }
}

extension ImageBox {
  fileprivate var left: Double { center.x - width / 2 }
  fileprivate var right: Double { center.x + width / 2 }
  fileprivate var top: Double { center.y - height / 2 }
  fileprivate var bottom: Double { center.y + height / 2 }
}
