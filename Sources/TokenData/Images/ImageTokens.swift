// SPDX-License-Identifier: Apache-2.0
public import Files
public import MetricTokens

/// How a model's sequences show images: which token stands for them, how many of it an image takes, and how an image
/// is prepared.
public struct ImageTokens: Sendable, Hashable {
  /// From a file's pixels to the model's.
  public enum Preparation: Sendable, Hashable {
    /// One view, and so many tokens, whatever the image.
    case single(ImagePreparation, tokens: Int)
    /// Phi-3-Vision's: views of the whole and of parts, as many as the image's size asks for. Prompts follow that
    /// model's processor, too: `<|image_1|>` means the mark as well, and the text on either side of an image becomes
    /// tokens by itself.
    case tiled(HDTransform)
    /// Idefics3's and SmolVLM's: views of parts and of the whole with marks between them, and so many tokens a view.
    case views(TileTransform, marks: ViewMarks, tokens: Int)
    /// LLaVA-OneVision's: views of the whole and of parts of an image alone; of each of several images one view.
    case anyResolution(AnyResolution)
    /// Qwen2.5-VL's and Qwen3-VL's: patches, squares of which are a token each, as many as the image's size asks for.
    case patches(PatchTransform)
  }

  /// How a prompt with images is written.
  public enum Layout: Sendable, Hashable {
    /// As it is, images where their marks stand.
    case asWritten
    /// PaliGemma's: the text up to the last image, the begin token, the rest of the text, a line break. What the
    /// tokenizer puts in front of texts is left out. Prompts that a chat template writes are left to it.
    case imagesBeforeBegin(begin: String)
    /// Gemma 3's: each mark becomes this text, in which the token that stands for images is once. `<image>` means the mark
    /// as well.
    case imagesApart(String)
    /// Qwen's: an image's mark stands between two others; `<image>` means all three.
    case framed(start: String, end: String)
  }

  /// The token.
  public var id: Int32
  /// As it stands in prompts, once for each image.
  public var mark: String
  /// How an image becomes numbers, and how many tokens.
  public var preparation: Preparation
  /// How prompts are written.
  public var layout: Layout
  /// What stands for a video, which texts may not hold; nil: there is no such mark.
  public var video: String?
  /// Rows, and pixels of a row, that every image is brought to before, whatever its shape (D.3: 1024), so that a
  /// model whose own preparation crops sees all of it; nil: images are prepared as they are.
  public var square: Int?

  /// Memberwise.
  public init(
    id: Int32, mark: String, preparation: Preparation, layout: Layout = .asWritten, video: String? = nil,
    square: Int? = nil
  ) {
    (self.id, self.mark, self.preparation, self.square) = (id, mark, preparation, square)
    (self.layout, self.video) = (layout, video)
  }

  /// What an image is written as in a prompt, and as in a conversation's message: the mark, with those around it.
  public var shown: String {
    guard case .framed(let start, let end) = layout else { return mark }
    return start + mark + end
  }

  /// The tokens that stand for an image, marks between its views included.
  ///
  /// - Parameter isAlone: whether its record has no other image.
  /// - Throws: `InputError` for an image that cannot be prepared.
  private func run(
    _ size: (height: Int, width: Int), path: String, isAlone: Bool
  ) throws(InputError) -> [Int32] {
    func tokens(_ count: Int) -> [Int32] { [Int32](repeating: id, count: count) }
    let height = square ?? size.height, width = square ?? size.width
    switch preparation {
    case .single(_, let count): return tokens(count)
    case .tiled(let transform):
      return tokens(transform.tokens(of: try transform.grid(height: height, width: width, path: path)))
    case .views(let transform, let marks, let count):
      return marks.tokens(transform.grid(height: height, width: width), view: tokens(count))
    case .anyResolution(let transform):
      guard isAlone else { return tokens(transform.tokensAmongOthers) }
      return tokens(try transform.tokens(height: height, width: width, path: path))
    case .patches(let transform):
      return tokens(transform.tokens(of: try transform.grid(height: height, width: width, path: path)))
    }
  }

  private func prepare(_ image: ExampleImage) throws(InputError) -> PreparedImage {
    var pixels = try PixelImage(file: image.path)
    let size = (pixels.height, pixels.width)
    let isAlone =
      if case .anyResolution(let transform) = preparation { image.count != transform.tokensAmongOthers } else { true }
    guard try run(size, path: image.path, isAlone: isAlone).count == image.count else {
      throw InputError(
        path: image.path, expected: "an image of \(image.count) tokens, as when its record was read",
        found: "\(pixels.width) x \(pixels.height)", remedy: "Do not change images while they are in use.")
    }
    if let square { pixels = pixels.resized(width: square, height: square, filter: .bicubic) }
    switch preparation {
    case .single(let preparation, _): return try preparation.prepare(pixels, path: image.path)
    case .tiled(let transform): return try transform.prepare(pixels, path: image.path)
    case .views(let transform, _, _): return transform.prepare(pixels)
    case .anyResolution(let transform):
      return isAlone
        ? try transform.prepare(pixels, path: image.path)
        : try transform.prepareAmongOthers(pixels, path: image.path)
    case .patches(let transform): return try transform.prepare(pixels, path: image.path)
    }
  }

  /// Reads images and prepares them, in order.
  ///
  /// - Parameter source: the record that names them, for errors.
  /// - Throws: `InputError` naming the image and the record: no such file, damaged, cut off, too large.
  public func prepared(_ images: [ExampleImage], source: String) throws(InputError) -> [PlacedImage] {
    var placed = [PlacedImage]()
    for image in images {
      do throws(InputError) {
        placed.append(PlacedImage(try prepare(image), position: image.position, count: image.count))
      } catch {
        var error = error
        error.place = [error.place, source.isEmpty ? "" : "image of \(source)"].filter { !$0.isEmpty }
          .joined(separator: ", ")
        throw error
      }
    }
    return placed
  }

  /// The record with a mark for each of its images, and the tokens that each takes: where it has none, all stand before
  /// the first thing that is said to the model.
  ///
  /// - Parameter isTemplated: whether a chat template writes its prompt.
  /// - Throws: `InputError` naming the record: marks and images do not match, or an image's file is not there or, by
  ///   its header, none that can be read.
  func marking(_ original: Record, isTemplated: Bool) throws(InputError) -> MarkedRecord {
    var record = original, runs = [[Int32]]()
    for (index, path) in record.images.enumerated() {
      let place = "images[\(index)]"
      guard fileExists(path) else {
        throw InputError(
          path: record.source, place: place, expected: "a PNG or JPEG file", found: "no file \(path)",
          remedy: "Paths are as seen from the folder of the JSONL file, on standard input from the current one.")
      }
      do throws(InputError) {
        runs.append(try run(PixelImage.size(ofFile: path), path: path, isAlone: record.images.count == 1))
      } catch {
        throw InputError(
          path: record.source, place: place, expected: error.expected, found: "\(error.found) (\(path))",
          remedy: error.remedy)
      }
    }
    if hasOtherMarks { record = try unifyingMarks(record) }
    if let video, record.content.count(of: video) > 0 {
      throw InputError(
        path: record.source, place: "text", expected: "images alone, which is all that this model reads",
        found: "\(video)", remedy: "Show frames of the video as images.")
    }
    let marks = record.content.count(of: mark)
    if case .imagesBeforeBegin(let begin) = layout, !isTemplated, marks == 0 || marks == record.images.count {
      record.content.layOut(imagesBefore: begin, mark: mark, marks == 0 ? record.images.count : 0)
      return MarkedRecord(record: record, runs: runs)
    }
    if marks == 0, !record.images.isEmpty {
      let own = setsImagesApart ? shown : mark + "\n"
      let addsMessage = record.content.prepend(String(repeating: own, count: record.images.count))
      if addsMessage, record.promptMessages > 0 { record.promptMessages += 1 }
      return MarkedRecord(record: record, runs: runs)
    }
    guard marks == record.images.count else {
      throw InputError(
        path: record.source, place: "images", expected: "as many images as \(mark) stands in the text, \(marks)",
        found: "\(record.images.count)", remedy: "Without any \(mark), images stand before the prompt.")
    }
    return MarkedRecord(record: record, runs: runs)
  }

  /// Whether `<image>` and the like mean the mark as well.
  private var hasOtherMarks: Bool {
    if case .tiled = preparation { return true }
    return setsImagesApart
  }

  /// Whether marks of its own set an image apart from the text, which needs no line break then.
  private var setsImagesApart: Bool {
    switch layout {
    case .imagesApart, .framed: true
    case .asWritten, .imagesBeforeBegin: false
    }
  }

  /// The text with all that stands around images.
  func spelling(_ text: RecordLayout) -> RecordLayout {
    guard case .imagesApart(let image) = layout else { return text }
    return text.replacing(mark, with: image)
  }

  /// Tokens with those of its image in the place of every mark, none of them learnt.
  func expanding(
    _ tokens: [(piece: TokenPiece, isAnswer: Bool)], _ runs: [[Int32]]
  ) -> [(piece: TokenPiece, isAnswer: Bool)] {
    var rest = runs[...]
    return tokens.flatMap { token in
      guard token.piece.id == id else { return [token] }
      return (rest.popFirst() ?? [id]).map { (TokenPiece(id: $0, range: token.piece.range), false) }
    }
  }

  /// Where the images of an expanded sequence stand.
  func places(_ marked: MarkedRecord, in ids: [Int32]) -> [ExampleImage] {
    var places = [ExampleImage](), next = 0
    for (path, run) in zip(marked.record.images, marked.runs) {
      guard let start = ids[next...].firstIndex(of: id), let first = run.firstIndex(of: id) else { break }
      places.append(ExampleImage(path: path, position: start - first, count: run.count))
      next = start - first + run.count
    }
    return places
  }
}

/// A record whose text has a mark for each of its images.
struct MarkedRecord {
  var record: Record
  /// The tokens that stand for each image; none where the model reads text alone.
  var runs: [[Int32]]
}

extension Record.Content {
  /// Writes a prompt as PaliGemma reads it; a text is all answer. Conversations are left as they are.
  ///
  /// - Parameter count: images without a mark, which stand first.
  fileprivate mutating func layOut(imagesBefore begin: String, mark: String, _ count: Int) {
    func prompt(_ text: String) -> String {
      let end = text.ranges(of: mark).last?.upperBound ?? text.startIndex
      return String(repeating: mark, count: count) + text[..<end] + begin + text[end...] + "\n"
    }
    switch self {
    case .promptCompletion(let text, let answer): self = .promptCompletion(prompt(text), answer)
    case .text(let text) where text.count(of: mark) == 0: self = .promptCompletion(prompt(""), text)
    case .text, .messages: break
    }
  }

  /// Occurrences of a mark in all that is said.
  fileprivate func count(of mark: String) -> Int {
    switch self {
    case .promptCompletion(let prompt, let answer): prompt.count(of: mark) + (answer?.count(of: mark) ?? 0)
    case .messages(let messages): messages.reduce(0) { $0 + $1.content.count(of: mark) }
    case .text(let text): text.count(of: mark)
    }
  }

  /// Puts text before what is said first: by the user, if there is one, never into what the assistant says (spans count
  /// there). Says whether that took a message of its own.
  fileprivate mutating func prepend(_ text: String) -> Bool {
    switch self {
    case .promptCompletion(let prompt, let answer): self = .promptCompletion(text + prompt, answer)
    case .text(let said): self = .promptCompletion(text, said)
    case .messages(var messages):
      let index = messages.firstIndex { $0.role == .user } ?? 0,
        addsMessage =
          messages.first?.role ?? .assistant == .assistant
          && !messages.contains { $0.role == .user }
      if addsMessage { messages.insert(ChatMessage(.user, ""), at: 0) }
      messages[index].content = text + messages[index].content
      self = .messages(messages)
      return addsMessage
    }
    return false
  }
}

extension String {
  fileprivate func count(of mark: String) -> Int { utf8.count < mark.utf8.count ? 0 : ranges(of: mark).count }
}
