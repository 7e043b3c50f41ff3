// SPDX-License-Identifier: Apache-2.0
import Files
import TokenData

extension Record {
  /// The same with a text and an empty line before its prompt: before the first message of the user where it is a
  /// conversation. That is how a model is told to answer better or worse than it would, whatever its template.
  ///
  /// - Throws: `InputError` for a record that has no prompt.
  func instructed(by text: String) throws(InputError) -> Record {
    var record = self
    switch content {
    case .promptCompletion(let prompt, let answer):
      record.content = .promptCompletion("\(text)\n\n\(prompt)", answer)
    case .messages(var messages):
      guard let first = messages.firstIndex(where: { $0.role == .user }) else {
        throw InputError(
          path: source, expected: "a message of the user, which the instruction is put before", found: "none")
      }
      messages[first].content = "\(text)\n\n\(messages[first].content)"
      record.content = .messages(messages)
    case .text:
      throw InputError(
        path: source, expected: "a prompt, which the instruction is put before", found: "text without a prompt")
    }
    return record
  }
}
