// SPDX-License-Identifier: Apache-2.0
/// An image that an example shows, by name: it is read when its batch is made.
public struct ExampleImage: Sendable, Hashable, Codable {
  /// The file.
  public var path: String
  /// Index in the example's ids of the first token that stands for it.
  public var position: Int
  /// Tokens that stand for it, side by side, marks between its views included.
  public var count: Int

  /// Memberwise.
  public init(path: String, position: Int, count: Int) {
    (self.path, self.position, self.count) = (path, position, count)
  }

  /// Its tokens.
  public var tokens: Range<Int> { position..<position + count }
}

/// An image as a vision model reads it: one view of it, or several of one size.
public struct PreparedImage: Sendable, Hashable {
  /// Rows and columns of the parts that an image is cut into.
  public struct Grid: Sendable, Hashable {
    /// Rows of parts.
    public let rows: Int
    /// Parts of a row.
    public let columns: Int
    /// Whether a view of the whole image stands beside those of its parts.
    public let hasWhole: Bool

    /// Memberwise.
    public init(rows: Int, columns: Int, hasWhole: Bool = true) {
      (self.rows, self.columns, self.hasWhole) = (rows, columns, hasWhole)
    }

    /// Views of an image that is cut so.
    public var views: Int { rows * columns + (hasWhole ? 1 : 0) }
  }

  /// What of the features of an image's parts, laid out as they lie in the image, becomes tokens.
  public struct Area: Sendable, Hashable {
    /// Rows and columns in the middle, without padding.
    public let kept: Grid
    /// Rows and columns that these are scaled to.
    public let shown: Grid

    /// Memberwise.
    public init(kept: Grid, shown: Grid) { (self.kept, self.shown) = (kept, shown) }
  }

  /// 1 or 3.
  public let channels: Int
  /// Rows of a view.
  public let height: Int
  /// Pixels of a view's row.
  public let width: Int
  /// The parts, whose views stand beside that of the whole image, in reading order, or, of patches, alone, in the order
  /// that the model reads them in; nil: the whole image is the only view.
  public let grid: Grid?
  /// What of their features becomes tokens; nil: all, or the model's own rule decides.
  public let area: Area?
  /// Normalised values `[views, channels, height, width]`, in row-major order.
  public let values: [Float]

  /// An image of these values.
  public init(channels: Int, height: Int, width: Int, grid: Grid? = nil, area: Area? = nil, values: [Float]) {
    let views = grid?.views ?? 1
    precondition(values.count == views * channels * height * width, "\(values.count) values of \(views) views")
    (self.channels, self.height, self.width, self.grid, self.area) = (channels, height, width, grid, area)
    self.values = values
  }
}

/// An image and the tokens of a sequence that stand for it.
public struct PlacedImage: Sendable, Hashable {
  /// The image as the model reads it.
  public var image: PreparedImage
  /// Index of its first token in the sequence.
  public var position: Int
  /// Tokens that stand for it.
  public var count: Int

  /// Memberwise.
  public init(_ image: PreparedImage, position: Int, count: Int) {
    (self.image, self.position, self.count) = (image, position, count)
  }
}

/// An image of a batch and where its tokens lie.
public struct BatchImage: Sendable, Hashable {
  /// The image as the model reads it.
  public var image: PreparedImage
  /// First of its tokens in the flattened ids `[B · T]`; a second one in the pass of a contrastive example.
  public var starts: [Int]
  /// Tokens that stand for it.
  public var count: Int

  /// Memberwise.
  public init(_ image: PreparedImage, starts: [Int], count: Int) {
    (self.image, self.starts, self.count) = (image, starts, count)
  }
}
