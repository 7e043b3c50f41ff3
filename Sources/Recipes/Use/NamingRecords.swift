// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files

/// Runs `body`; an error that names a prompt by its index names the record it was made of instead.
///
/// - Parameter sources: `test.jsonl line 3` of each prompt.
func naming<R>(_ sources: [String], _ body: () throws -> R) throws -> R {
  do { return try body() } catch let error as DecodingError { throw error.naming(sources) }
}

extension DecodingError {
  /// The same, with the record's name in the place of an index.
  func naming(_ sources: [String]) -> any Error {
    func error(_ index: Int, _ expected: String, _ found: String, _ remedy: String) -> any Error {
      guard sources.indices.contains(index), !sources[index].isEmpty else { return self }
      return InputError(path: sources[index], expected: expected, found: found, remedy: remedy)
    }
    switch self {
    case .empty(let index):
      return error(index, "at least one token to begin with", "none", "Give a prompt that is not empty.")
    case .tooLong(let index, let length, let limit):
      return error(
        index, "at most \(limit) tokens", "\(length)", "Shorten it: the model's context holds no more.")
    case .unknownToken(let index, let id, let size):
      return error(index, "token ids below \(size)", "\(id)", "Use the model's own tokenizer.")
    case .notFinite(let index, let step):
      return error(
        index, "a finite score of the model at token \(step) of the answer", "NaN, or no token that may follow",
        "Its weights hold NaN or infinite numbers, or overflow: dist2 export names the tensor.")
    case .badSetting: return self
    }
  }
}
