// SPDX-License-Identifier: Apache-2.0
public import Files

/// A task: a sentence with slots, and what is shown in them.
public struct TaskPrompt: Sendable, Hashable {
  /// Content of a slot.
  public enum Asset: Sendable, Hashable {
    /// An image of one object.
    case object(DescribedObject)
    /// An image of several.
    case scene([DescribedObject])
  }

  /// `Put the {dragged_obj_1} into the {base_obj}.`
  public var template: String
  /// Contents of the slots by name.
  public var assets: [String: Asset]

  /// Memberwise.
  public init(_ template: String, _ assets: [String: Asset] = [:]) {
    (self.template, self.assets) = (template, assets)
  }

  /// The sentence with every slot filled; a slot without an asset stays as it is.
  public func text(_ fill: (_ name: String, _ asset: Asset) -> String) -> String {
    Self.parts(of: template).map { part in
      switch part {
      case .literal(let text): text
      case .slot(let name): assets[name].map { fill(name, $0) } ?? "{\(name)}"
      }
    }.joined()
  }

  /// With boxes, as in D-inBC: `<p>…</p> at <b>…</b>`, scenes as `<scene>` with a line for each object.
  public func textWithBoxes(headings: Bool = false) -> String {
    text { _, asset in
      switch asset {
      case .object(let object): object.withoutHeading.text
      case .scene(let objects): (headings ? objects : objects.map(\.withoutHeading)).sceneText
      }
    }
  }

  /// With names alone, as in inBC, where scenes are called by the name of their slot.
  public var textWithNames: String {
    text { name, asset in if case .object(let object) = asset { object.nameText } else { name } }
  }

  /// Reads what fills the slots of a template from a text with boxes.
  ///
  /// - Throws: `InputError` where text and template part.
  public init(_ template: String, filledAs text: String, path: String) throws(InputError) {
    self.init(template)
    var rest = text[...]
    for part in Self.parts(of: template) {
      switch part {
      case .literal(let words):
        guard rest.hasPrefix(words) else {
          throw InputError(
            path: path, place: "task text", expected: "\"\(words)\"", found: "\"\(rest.prefix(40))\"",
            remedy: "The text must be the template with its slots filled.")
        }
        rest.removeFirst(words.count)
      case .slot(let name): assets[name] = try Self.asset(&rest, path: path)
      }
    }
  }

  private static func asset(_ rest: inout Substring, path: String) throws(InputError) -> Asset {
    if rest.hasPrefix("<scene>"), let end = rest.firstRange(of: "</scene>") {
      let inside = rest[rest.index(rest.startIndex, offsetBy: 7)..<end.lowerBound]
      rest = rest[end.upperBound...]
      var objects = [DescribedObject]()
      for line in inside.split(separator: "\n") {
        objects.append(try DescribedObject(parsing: line.hasSuffix(".") ? line.dropLast() : line, path: path))
      }
      return .scene(objects)
    }
    guard let end = rest.firstRange(of: "</b>") else {
      throw InputError(
        path: path, place: "task text", expected: "an object with its box", found: "\"\(rest.prefix(40))\"")
    }
    let object = try DescribedObject(parsing: rest[..<end.upperBound], path: path)
    rest = rest[end.upperBound...]
    return .object(object)
  }

  private enum Part {
    case literal(String)
    case slot(String)
  }

  /// `Put the {a} into …` → literal, slot, literal.
  private static func parts(of template: String) -> [Part] {
    var parts = [Part](), rest = template[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      if open > rest.startIndex { parts.append(.literal(String(rest[..<open]))) }
      parts.append(.slot(String(rest[rest.index(after: open)..<close])))
      rest = rest[rest.index(after: close)...]
    }
    return rest.isEmpty ? parts : parts + [.literal(String(rest))]
  }
}

extension DescribedObject {
  /// Reads `<p>red ring</p> at <b>(0.254, 0.570), {0.094, 0.156}</b>`, with or without a heading.
  ///
  /// - Throws: `InputError` if it is anything else.
  public init(parsing text: some StringProtocol, path: String) throws(InputError) {
    func bad() -> InputError {
      InputError(
        path: path, place: "object", expected: "<p>name</p> at <b>(x, y), {w, h}</b>", found: "\"\(text.prefix(80))\"")
    }
    guard text.hasPrefix("<p>"), let end = text.firstRange(of: "</p> at <b>"), let close = text.firstRange(of: "</b>")
    else { throw bad() }
    let name = text[text.index(text.startIndex, offsetBy: 3)..<end.lowerBound]
    let box = text[end.upperBound..<close.lowerBound]
    let numbers = box.split { "(){}, ".contains($0) }.map { Double(String($0)) }
    guard numbers.count == 4, let x = numbers[0], let y = numbers[1], let width = numbers[2], let height = numbers[3]
    else { throw bad() }
    let rest = text[close.upperBound...]
    var heading: Int?
    if !rest.isEmpty {
      guard rest.hasPrefix(", turned <r>["), rest.hasSuffix("]</r>") else { throw bad() }
      heading = Int(String(rest.dropFirst(13).dropLast(5)))
      if heading == nil { throw bad() }
    }
    self.init(
      String(name), ImageBox(center: ImagePoint(x: x, y: y), width: width, height: height), heading: heading)
  }
}
