/// A picture that an example shows, by name: it is read when its batch is made.
public struct ExampleImage: Sendable, Hashable, Codable {
  /// The file.
  public var path: String
  /// Index in the example's ids of the first token that stands for it.
  public var position: Int
  /// Tokens that stand for it, side by side.
  public var count: Int

  /// Memberwise.
  public init(path: String, position: Int, count: Int) {
    (self.path, self.position, self.count) = (path, position, count)
  }

  /// Its tokens.
  public var tokens: Range<Int> { position..<position + count }
}

/// A picture as a vision model reads it.
public struct PreparedImage: Sendable, Hashable {
  /// 1 or 3.
  public let channels: Int
  /// Rows.
  public let height: Int
  /// Pixels of a row.
  public let width: Int
  /// Normalised values `[channels, height, width]`, in row-major order.
  public let values: [Float]

  /// A picture of these values.
  public init(channels: Int, height: Int, width: Int, values: [Float]) {
    precondition(values.count == channels * height * width, "\(values.count) values")
    (self.channels, self.height, self.width, self.values) = (channels, height, width, values)
  }
}

/// A picture and the tokens of a sequence that stand for it.
public struct PlacedImage: Sendable, Hashable {
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

/// A picture of a batch and where its tokens lie.
public struct BatchImage: Sendable, Hashable {
  public var image: PreparedImage
  /// First of its tokens in the flattened ids `[B · T]`; a second one in the pass of a neighbour.
  public var starts: [Int]
  /// Tokens that stand for it.
  public var count: Int

  /// Memberwise.
  public init(_ image: PreparedImage, starts: [Int], count: Int) {
    (self.image, self.starts, self.count) = (image, starts, count)
  }
}
