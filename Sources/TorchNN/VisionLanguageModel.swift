// SPDX-License-Identifier: Apache-2.0
public import Torch

/// A language model that sees: some of its tokens stand for images, and features of these take the place of their
/// embeddings.
public protocol VisionLanguageModel: TokenModel {
  /// The id of tokens that stand for images.
  var imageToken: Int { get }
  /// How many of them stand for an image.
  var imageTokenCount: ImageTokenCount { get }
  /// Rows and pixels of a row of the views it reads.
  var imageSize: (height: Int, width: Int) { get }
  /// The id of tokens that stand for videos, which texts may not hold: they are not read. Nil by default: there is none.
  var videoToken: Int? { get }
  /// How prompts with images are written. As they are by default.
  var promptLayout: PromptLayout { get }
}

extension VisionLanguageModel {
  /// None.
  public var videoToken: Int? { nil }
  /// As they are.
  public var promptLayout: PromptLayout { .asWritten }
}

/// How a model has prompts with images written.
public enum PromptLayout: Sendable, Hashable {
  /// As they are, images where their marks stand.
  case asWritten
  /// PaliGemma's: the text up to the last image, the begin token, the rest of the text, a line break.
  case imagesBeforeBegin
  /// Gemma 3's: as they are, with an empty line and the token `begin` before an image, `end` and an empty line behind it.
  /// In prompts `begin` is the mark of an image.
  case imagesApart(begin: Int, end: Int)
  /// Qwen's: an image's mark stands between two others, given by id.
  case framed(start: Int, end: Int)
}

/// How many tokens stand for an image.
public enum ImageTokenCount: Sendable, Hashable {
  /// So many for any image, which is one view.
  case each(Int)
  /// An image is the view of the whole and those of its parts, each of which becomes `side` rows of as many tokens;
  /// rows are as long as the image is wide, and end with one token more.
  case grid(side: Int)
  /// An image is views of parts and one of the whole; each becomes so many, with marks between them.
  case views(each: Int)
  /// LLaVA-OneVision's. An image alone is a view of the whole, of `side` rows of as many tokens, and the tokens of its
  /// parts without padding, with one more at the end of each row: parts of the best of some sizes `[height, width]` in
  /// pixels, scaled down where they have more tokens than `most` views. Of several images each is a view and one token
  /// more.
  case anyResolution(side: Int, most: Int, sizes: [[Int]])
  /// An image is as many patches of `side` pixels as its size asks for; squares of `merge` by `merge` become one token
  /// each. The tower takes each patch for `frames` images of a video.
  case patches(side: Int, merge: Int, frames: Int)
}

/// The images of a batch, and which of its tokens stand for them.
public struct ImageInput {
  /// What of the features of an image's parts, laid out as they lie in the image, becomes tokens.
  public struct Area {
    /// Rows and columns in the middle, without padding.
    public var kept: (rows: Int, columns: Int)
    /// Rows and columns that these are scaled to.
    public var shown: (rows: Int, columns: Int)

    /// Memberwise.
    public init(kept: (rows: Int, columns: Int), shown: (rows: Int, columns: Int)) {
      (self.kept, self.shown) = (kept, shown)
    }
  }

  /// One image.
  public struct Image {
    /// Normalised pixels of its views in row-major order.
    public var values: [Float]
    /// `[C, H, W]`, that of every view of a batch.
    public var shape: [Int]
    /// Rows and columns of the parts, whose views stand beside that of the whole image, or, of patches, alone; nil:
    /// there is one view.
    public var grid: (rows: Int, columns: Int)?
    /// What of its parts becomes tokens; nil: all, or a model's own rule decides.
    public var area: Area?
    /// Where runs of tokens begin that stand for it: indices into the flattened ids `[B · T]`.
    public var starts: [Int]
    /// Tokens of such a run, marks between views included.
    public var count: Int

    /// Memberwise.
    public init(
      values: [Float], shape: [Int], grid: (rows: Int, columns: Int)? = nil, area: Area? = nil, starts: [Int],
      count: Int
    ) {
      (self.values, self.shape, self.grid, self.area) = (values, shape, grid, area)
      (self.starts, self.count) = (starts, count)
    }

    /// Its views.
    fileprivate var views: Int { values.count / shape.reduce(1, *) }
  }

  /// A run of tokens that stands for an image.
  public struct Run: Sendable, Hashable {
    /// Index of the image.
    public let image: Int
    /// Its first token, an index into the flattened ids.
    public let start: Int
    /// Its tokens.
    public let count: Int
  }

  /// The views of all images, one after another, `[V, C, H, W]`, float32.
  public let pixels: Tensor
  /// The parts of each of the N images; see ``Image/grid``.
  public let grids: [(rows: Int, columns: Int)?]
  /// What of these becomes tokens; see ``Image/area``.
  public let areas: [Area?]
  /// Where images stand, one image after another.
  public let runs: [Run]
  /// Where the tokens stand that features replace: indices `[K]` into the flattened ids.
  public let rows: Tensor
  /// Which features go there: indices `[K]` into those of all images, one after another; nil: all of them, in order.
  public let features: Tensor?
  /// Tokens side by side that stand for one image, as ranges of the flattened `[B · T]`.
  public let stretches: [Range<Int>]

  /// Images whose views have one shape; nil if there is none.
  ///
  /// - Parameters:
  ///   - ids: the flattened ids `[B · T]`; nil: all tokens of a run stand for its image.
  ///   - token: the id of those that do, where runs hold marks as well.
  public init?(_ images: [Image], ids: [Int32]? = nil, token: Int32 = 0, device: Device = .cpu) {
    guard let first = images.first else { return nil }
    precondition(images.allSatisfy { $0.shape == first.shape }, "unlike views")
    pixels = Tensor.cat(images.map { Tensor($0.values, shape: [$0.views] + $0.shape) }).to(device)
    grids = images.map(\.grid)
    areas = images.map(\.area)
    runs = images.enumerated().flatMap { index, image in
      image.starts.map { Run(image: index, start: $0, count: image.count) }
    }
    var rows = [Int64](), features = [Int64](), stretches = [Range<Int>](), before = 0
    for image in images {
      let first = image.starts.first ?? 0
      let places = (0..<image.count).filter { place in ids.map { $0[first + place] == token } ?? true }
      for start in image.starts {
        rows += places.map { Int64(start + $0) }
        features += places.indices.map { Int64(before + $0) }
        stretches += places.stretches.map { start + $0.lowerBound..<start + $0.upperBound }
      }
      before += places.count
    }
    self.stretches = stretches
    self.rows = Tensor(rows, device: device)
    self.features = images.allSatisfy { $0.starts.count == 1 } ? nil : Tensor(features, device: device)
  }

  /// The features `[F, H]` in the order of ``rows``, `[K, H]`.
  public func placed(_ features: Tensor) -> Tensor { self.features.map { features.indexSelect(0, $0) } ?? features }

  /// The embeddings `[B, T, H]` with the images' features `[F, H]`, one image after another, in the places of their
  /// tokens.
  public func placing(_ features: Tensor, in embeddings: Tensor) -> Tensor {
    let placed = placed(features).to(embeddings.dtype)
    return embeddings.flatten(0, 1).indexCopy(0, rows, placed).view(embeddings.shape)
  }
}

extension [Int] {
  /// Rising numbers as ranges of those that follow one another.
  fileprivate var stretches: [Range<Int>] {
    reduce(into: []) { ranges, number in
      if let last = ranges.last, last.upperBound == number {
        ranges[ranges.count - 1] = last.lowerBound..<number + 1
      } else {
        ranges.append(number..<number + 1)
      }
    }
  }
}
