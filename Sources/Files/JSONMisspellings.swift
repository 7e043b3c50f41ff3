// SPDX-License-Identifier: Apache-2.0
// What other notations write where JSON has a value: said by name, since "found N" helps nobody.
extension JSONParser {
  /// The error for such a thing at `position`; nil for anything else.
  func misspelling(_ expected: String) -> InputError? {
    let rest = bytes[min(position, bytes.count)...]
    for (words, remedy) in Self.misspellings {
      for word in words where rest.starts(with: word.utf8) {
        return error(expected: expected, found: word, remedy: remedy)
      }
    }
    return nil
  }

  private static let misspellings: [(words: [String], remedy: String)] = [
    (
      ["NaN", "nan", "Infinity", "-Infinity", "inf", "-inf", "-NaN"],
      "JSON has no such number, though Python's json.dumps writes it: leave the line out, or write null."
    ),
    (["True", "False", "None"], "This is Python's spelling: write the line with json.dumps, not with str or print."),
    (["'"], "JSON has double quotes: write the line with Python's json.dumps, not with str or print."),
    (["\u{201C}", "\u{201D}", "\u{2018}", "\u{2019}", "\u{201E}"], "JSON has straight double quotes."),
    (["//", "/*", "#"], "JSON has no comments."),
    (["undefined"], "Write null, or leave the key out."),
  ]
}
