// SPDX-License-Identifier: Apache-2.0
package import Recipes
import Evaluation
package import Files
package import Tabletop
import TokenData
import TokenModels
package import TorchNN

/// A model that answers manipulation prompts.
package struct PromptedModel {
  let model: any TokenModel
  let answering: Answering

  package init(model: any TokenModel, answering: Answering) { (self.model, self.answering) = (model, answering) }

  /// Answers to items, in order.
  func answers(_ items: [EvaluationItem], onDone: (() -> Void)? = nil) throws -> [String] {
    try answering.answers(items, model, onDone: onDone).map(\.text)
  }

  /// Answers to questions, in order.
  ///
  /// - Parameters:
  ///   - images: where the images go that the questions show; nil if they show none.
  ///   - onDone: called with every answer.
  /// - Throws: `InputError` for a prompt that does not fit into the model's context, or an image that cannot be
  ///   written.
  package func answers(
    to questions: [PolicyQuestion], showing images: inout TableImages?, onDone: (() -> Void)? = nil
  ) throws -> [String] {
    var items = [EvaluationItem]()
    for question in questions {
      let name = try images?.write(question.scene, of: question.id)
      items.append(try item(question.prompt, image: name.map { "\(images?.folder ?? "")/\($0)" }))
    }
    return try answers(items, onDone: onDone)
  }

  /// A prompt as the model reads it.
  ///
  /// - Parameter image: file of the image that stands for ``PromptTemplate/imageMark``; nil if there is none.
  /// - Throws: `InputError` if the prompt does not fit into the model's context, if image and mark are not both there,
  ///   or the image cannot be read.
  func item(_ prompt: String, image: String? = nil) throws -> EvaluationItem {
    var text = prompt
    if let mark = answering.encoder.images?.shown {
      text = prompt.replacing(PromptTemplate.imageMark, with: mark)
      let isShown = text.contains(mark)
      guard isShown == (image != nil) else { throw Self.mismatch(isShown: isShown, image) }
    }
    let item = try answering.item(
      Record(.promptCompletion(text, nil), images: [image].compactMap { $0 }, source: "prompt"))
    guard item.ids.count < model.contextLength else {
      throw InputError(
        path: "prompt", expected: "fewer than \(model.contextLength) tokens", found: "\(item.ids.count)",
        remedy: "Leave out objects or history.")
    }
    return item
  }

  private static func mismatch(isShown: Bool, _ image: String?) -> InputError {
    if isShown {
      return InputError(
        path: "prompt", place: "key image",
        expected: "the file of the image that \(PromptTemplate.imageMark) stands for",
        found: "no such key", remedy: "Give the path of a PNG or JPEG file, the front view.")
    }
    return InputError(
      path: "prompt", place: "key image", expected: "none, as no \(PromptTemplate.imageMark) stands in the prompt",
      found: image ?? "", remedy: "Models that learnt from images are asked with --observation image.")
  }
}

extension InputError {
  /// A model that reads text alone where images of the table are shown.
  package static func cannotSee(_ folder: String) -> InputError {
    InputError(
      path: folder, expected: "a model that sees, as --observation is image", found: "one that reads text alone",
      remedy: "Make one with dist2 new-vlm, or take --observation boxes.")
  }
}
