// SPDX-License-Identifier: Apache-2.0
public import Recipes
import Evaluation
import Files
public import Tabletop
import TokenData

/// A policy that others can ask, one JSON line an observation: so that success can be measured in VIMABench itself,
/// wherever it runs. docs/manipulation.md describes the lines.
public final class ManipulationPolicy {
  private let prompted: PromptedModel
  private let template: PromptTemplate
  private let spelling: ActionSpelling
  private let isSingleStep: Bool

  /// Loads the model.
  ///
  /// - Parameters:
  ///   - form: how observations become prompts: as the model was trained.
  ///   - isSingleStep: whether only the first action of an answer is given.
  /// - Throws: `InputError` if the model cannot be read, or cannot see what observations show.
  public init(
    _ choice: ModelChoice, template: PromptTemplate, spelling: ActionSpelling = .sentences, isSingleStep: Bool = false
  ) throws {
    let answering = Answering(choice.artifacts)
    guard template.observation != .image || answering.encoder.images != nil else {
      throw InputError.cannotSee(choice.artifacts.modelFolder)
    }
    prompted = PromptedModel(model: try choice.load(), answering: answering)
    (self.template, self.spelling, self.isSingleStep) = (template, spelling, isSingleStep)
  }

  /// One line for each line that is not blank, in order. A bad one is answered by `{"id", "error"}`.
  ///
  /// - Parameter number: number of the first line, for errors.
  public func answers(to lines: [String], from number: Int) -> [String] {
    let requests = lines.enumerated().filter { $0.element.contains { !$0.isWhitespace } }.map { index, line in
      (id: Self.id(of: line), prompt: Result { try prompt(line, "line \(number + index)") })
    }
    let good = requests.compactMap { try? $0.prompt.get() }
    let texts = Result { good.isEmpty ? [] : try prompted.answers(good.map(\.item)) }
    var next = 0
    return requests.map { request in
      var object = JSONObject()
      object["id"] = request.id
      do {
        let observation = try request.prompt.get()
        next += 1
        let text = try texts.get()[next - 1]
        let (actions, problem) = spelling.actions(in: text, tool: observation.tool)
        object["actions"] = .array(actions.prefix(isSingleStep ? 1 : actions.count).map(\.json))
        object["answer"] = .string(text)
        object["problem"] = problem.map { .string($0.rawValue) }
      } catch {
        object["error"] = .string("\(error)")
      }
      return JSON.object(object).text()
    }
  }

  private func prompt(_ line: String, _ place: String) throws -> (item: EvaluationItem, tool: EndEffector) {
    do {
      let observation = try Observation(JSONReader(JSON(parsing: line, path: "<stdin>"), path: "<stdin>"))
      let item = try prompted.item(observation.prompt(template), image: observation.image)
      // Now, so that a damaged image spoils no other line.
      _ = try prompted.answering.images([item])?(0)
      return (item, observation.tool)
    } catch var error as InputError {
      error.place = place + (error.place.isEmpty ? "" : ", \(error.place)")
      throw error
    }
  }

  /// Identifier of the line, so that an error finds its way back; nil if it cannot be read.
  private static func id(of line: String) -> JSON? { (try? JSON(parsing: line, path: ""))?["id"] }
}

extension ManipulationAction {
  /// In the image, and in VIMABench's action space: metres, and the quaternion x, y, z, w of the turn.
  var json: JSON {
    func pair(_ point: ImagePoint) -> JSON { [.double(point.x), .double(point.y)] }
    func place(_ point: ImagePoint) -> JSON {
      let place = FrontView.tablePoint(point)
      return [.double(place.forward), .double(place.side)]
    }
    let turn = quaternion
    return [
      "start": pair(start), "end": pair(end), "rotation": .int(rotation), "pose0_position": place(start),
      "pose1_position": place(end), "pose0_rotation": [0, 0, 0, 1],
      "pose1_rotation": [0, 0, .double(turn.z), .double(turn.w)],
    ]
  }
}
