// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import TokenData
import TokenModels
import TorchNN

/// Refuses a record that is too long for a model, and says whether its prompt alone is.
///
/// - Parameters:
///   - prompt: tokens of the prompt.
///   - answer: tokens of the answer that is read after it, or room for what is to be written.
func checkLength(prompt: Int, answer: Int, of model: any TokenModel, source: String) throws(InputError) {
  let limit = model.contextLength
  guard prompt + answer > limit else { return }
  let isPrompt = prompt + 1 > limit
  throw InputError(
    path: source, expected: "at most \(limit) tokens, as the model's context holds no more",
    found: "\(prompt) of the prompt and \(answer) of the answer",
    remedy: "\(isPrompt ? "Shorten the prompt" : "Shorten it"), or leave the line out.")
}

extension Answering {
  /// Refuses a record whose texts alone are too long for a model, or to be cut to length, before they are made tokens.
  func checkTexts(_ record: Record, of model: any TokenModel) throws(InputError) {
    guard longestExample == nil else { return try ExampleEncoder.checkCut(record) }
    guard let least = encoder.fewestTokens(of: record), least > model.contextLength else { return }
    throw InputError(
      path: record.source, expected: "at most \(model.contextLength) tokens, as the model's context holds no more",
      found: "at least \(least)", remedy: "Shorten it, or leave the line out.")
  }
}
