public import Files
public import MetricTokens

/// How a model's sequences show pictures: which token stands for them, how many of it a picture takes, and how a picture
/// is prepared.
public struct ImageTokens: Sendable, Hashable {
  /// The token.
  public var id: Int32
  /// As it stands in prompts, once for each picture.
  public var mark: String
  /// Tokens that a picture becomes.
  public var count: Int
  /// From a file's pixels to the model's.
  public var preparation: ImagePreparation

  /// Memberwise.
  public init(id: Int32, mark: String, count: Int, preparation: ImagePreparation) {
    (self.id, self.mark, self.count, self.preparation) = (id, mark, count, preparation)
  }

  /// Reads pictures and prepares them, in order.
  ///
  /// - Parameter source: the record that names them, for errors.
  /// - Throws: `InputError` naming the picture and the record: no such file, damaged, cut off, too large.
  public func prepared(_ images: [ExampleImage], source: String) throws(InputError) -> [PlacedImage] {
    var placed = [PlacedImage]()
    for image in images {
      do throws(InputError) {
        let picture = try PixelImage(file: image.path)
        let prepared = try preparation.prepare(picture, path: image.path)
        placed.append(PlacedImage(prepared, position: image.position, count: image.count))
      } catch {
        var error = error
        error.place = [error.place, source.isEmpty ? "" : "picture of \(source)"].filter { !$0.isEmpty }
          .joined(separator: ", ")
        throw error
      }
    }
    return placed
  }

  /// The record with a mark for each of its pictures: where it has none, all stand before the first thing that is said
  /// to the model.
  ///
  /// - Throws: `InputError` naming the record: marks and pictures do not match, or a picture's file is not there or, by
  ///   its header, none that can be read.
  func marking(_ record: Record) throws(InputError) -> Record {
    for (index, path) in record.images.enumerated() {
      let place = "images[\(index)]"
      guard fileExists(path) else {
        throw InputError(
          path: record.source, place: place, expected: "a PNG or JPEG file", found: "no file \(path)",
          remedy: "Paths are as seen from the folder of the JSONL file, on standard input from the current one.")
      }
      do throws(InputError) {
        _ = try PixelImage.size(ofFile: path)
      } catch {
        throw InputError(
          path: record.source, place: place, expected: error.expected, found: "\(error.found) (\(path))",
          remedy: error.remedy)
      }
    }
    let marks = record.content.count(of: mark)
    if marks == 0, !record.images.isEmpty {
      var record = record
      record.content.prepend(String(repeating: mark + "\n", count: record.images.count))
      return record
    }
    guard marks == record.images.count else {
      throw InputError(
        path: record.source, place: "images", expected: "as many pictures as \(mark) stands in the text, \(marks)",
        found: "\(record.images.count)", remedy: "Without any \(mark), pictures stand before the prompt.")
    }
    return record
  }

  /// Tokens with every mark as many times as a picture has tokens, none of them learnt.
  func expanding(_ tokens: [(piece: TokenPiece, isAnswer: Bool)]) -> [(piece: TokenPiece, isAnswer: Bool)] {
    tokens.flatMap { token in
      token.piece.id == id ? Array(repeating: (token.piece, false), count: count) : [token]
    }
  }

  /// Where the pictures of an expanded sequence stand.
  func places(_ paths: [String], in ids: [Int32]) -> [ExampleImage] {
    var places = [ExampleImage](), next = 0
    for path in paths {
      guard let start = ids[next...].firstIndex(of: id) else { break }
      places.append(ExampleImage(path: path, position: start, count: count))
      next = start + count
    }
    return places
  }
}

extension Record.Content {
  /// Occurrences of a mark in all that is said.
  fileprivate func count(of mark: String) -> Int {
    switch self {
    case .promptCompletion(let prompt, let answer): prompt.count(of: mark) + (answer?.count(of: mark) ?? 0)
    case .messages(let messages): messages.reduce(0) { $0 + $1.content.count(of: mark) }
    case .text(let text): text.count(of: mark)
    }
  }

  /// Puts text before what is said first: by the user, if there is one.
  fileprivate mutating func prepend(_ text: String) {
    switch self {
    case .promptCompletion(let prompt, let answer): self = .promptCompletion(text + prompt, answer)
    case .text(let said): self = .promptCompletion(text, said)
    case .messages(var messages):
      let index = messages.firstIndex { $0.role == .user } ?? 0
      if messages.isEmpty { messages = [ChatMessage(.user, "")] }
      messages[index].content = text + messages[index].content
      self = .messages(messages)
    }
  }
}

extension String {
  fileprivate func count(of mark: String) -> Int { utf8.count < mark.utf8.count ? 0 : ranges(of: mark).count }
}
