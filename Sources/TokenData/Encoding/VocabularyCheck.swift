// SPDX-License-Identifier: Apache-2.0
public import Files

extension InputError {
  /// A token that the tokenizer has and the model has no embedding for: tokens were added without resizing the model,
  /// or the two do not belong together.
  ///
  /// - Parameters:
  ///   - text: the token as the tokenizer spells it, if it knows it.
  ///   - rows: embeddings of the model.
  ///   - path: where the token was met.
  public static func beyondVocabulary(
    _ id: Int32, text: String?, rows: Int, path: String, place: String = ""
  ) -> InputError {
    InputError(
      path: path, place: place, expected: "token ids below \(rows), the embeddings that the model has",
      found: "id \(id)" + (text.map { " (\"\($0)\")" } ?? ""),
      remedy: "Use the model's own tokenizer, or give the model embeddings for the tokens that were added "
        + "(transformers: model.resize_token_embeddings).")
  }
}
