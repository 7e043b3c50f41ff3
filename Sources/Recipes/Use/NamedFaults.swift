import Evaluation
import Files
import TokenModels
import TorchNN

extension DecodingError {
  /// The same with the file and line that a prompt came from, in place of its index.
  ///
  /// - Parameter sources: where each prompt comes from: `test.jsonl line 12`. A setting's error stays as it is.
  func naming(_ sources: [String]) -> any Error {
    func named(_ index: Int, _ expected: String, _ found: String, _ remedy: String) -> InputError {
      InputError(
        path: sources.indices.contains(index) ? sources[index] : "example \(index + 1)", expected: expected,
        found: found, remedy: remedy)
    }
    switch self {
    case .empty(let index):
      return named(index, "at least one token to read", "an empty prompt", "Give the model something to go on.")
    case .tooLong(let index, let length, let limit):
      return named(
        index, "at most \(limit) tokens, as the model's context holds no more", "\(length)",
        "Shorten it, or leave it out.")
    case .unknownToken(let index, let id, let vocabularySize):
      return named(
        index, "token ids below \(vocabularySize), which is all that the model has", "\(id)",
        "Use the model's own tokenizer.")
    case .notFinite(let index, let step):
      return named(
        index, "a finite score for some token", "none at step \(step)", "The weights of the model may hold NaN.")
    case .badSetting: return self
    }
  }
}

/// What `body` gives; prompts in its errors are named by where they come from.
func namingPrompts<R>(_ sources: @autoclosure () -> [String], _ body: () throws -> R) throws -> R {
  do { return try body() } catch let error as DecodingError { throw error.naming(sources()) }
}

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
