// SPDX-License-Identifier: Apache-2.0
/// Fault of something that came from outside: a file, a flag, a record, a request.
///
/// Every reader in dist2 reports through this one type, so that a user always learns the same five things.
public struct InputError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file (or other source) at fault, as the user named it; `<stdin>`, `<argument>` where there is no file.
  public var path: String
  /// Where in it: `line 40123, field "prompt"`, `byte 512`, `key rope_scaling.factor`. Empty if the whole file is
  /// meant.
  public var place: String
  /// Right answer.
  public var expected: String
  /// What was there.
  public var found: String
  /// Remedy.
  public var remedy: String

  /// Memberwise.
  public init(path: String, place: String = "", expected: String, found: String, remedy: String = "") {
    self.path = path
    self.place = place
    self.expected = expected
    self.found = found
    self.remedy = remedy
  }

  /// `path: place: expected …, found …. Remedy.` on one line.
  public var description: String {
    // A name at the end of a place may be empty: `column `, `key `.
    let place = place.last == " " ? place + "".orNoName : place
    var text = place.isEmpty ? path : "\(path): \(place)"
    // What was found may be a sentence.
    text += ": expected \(expected), found \(found.isEmpty ? "an empty text" : found)"
    if !found.hasSuffix(".") && !found.hasSuffix("?") { text += "." }
    if !remedy.isEmpty { text += " \(remedy)" }
    return text
  }
}

extension String {
  /// The name as messages show it, where an empty one would look like nothing.
  package var orNoName: String { allSatisfy(\.isWhitespace) ? "(no name)" : self }
}
