public import Torch

/// A language model that sees: some of its tokens stand for pictures, and features of these take the place of their
/// embeddings.
public protocol VisionLanguageModel: TokenModel {
  /// The id of tokens that stand for pictures.
  var imageToken: Int { get }
  /// Tokens that stand for a picture.
  var tokensPerImage: Int { get }
  /// Rows and pixels of a row of the pictures it reads.
  var imageSize: (height: Int, width: Int) { get }
}

/// The pictures of a batch, and which of its tokens stand for them.
public struct ImageInput {
  /// One picture.
  public struct Picture {
    /// Normalised pixels in row-major order.
    public var values: [Float]
    /// `[C, H, W]`, that of every picture of a batch.
    public var shape: [Int]
    /// Where runs of tokens begin that stand for it: indices into the flattened ids `[B · T]`.
    public var starts: [Int]
    /// Tokens of such a run.
    public var count: Int

    /// Memberwise.
    public init(values: [Float], shape: [Int], starts: [Int], count: Int) {
      (self.values, self.shape, self.starts, self.count) = (values, shape, starts, count)
    }
  }

  /// `[N, C, H, W]`, float32.
  public let pixels: Tensor
  /// Where the tokens stand that features replace: indices `[K]` into the flattened ids.
  public let rows: Tensor
  /// Which features go there: indices `[K]` into those of all pictures, `[N · P]`; nil: all of them, in order.
  public let features: Tensor?

  /// Pictures of one shape; nil if there is none.
  public init?(_ pictures: [Picture], device: Device = .cpu) {
    guard let first = pictures.first else { return nil }
    precondition(pictures.allSatisfy { $0.shape == first.shape && $0.count == first.count }, "unlike pictures")
    pixels = Tensor.cat(pictures.map { Tensor($0.values, shape: [1] + $0.shape) }).to(device)
    var rows = [Int64](), features = [Int64]()
    for (index, picture) in pictures.enumerated() {
      for start in picture.starts {
        rows += (0..<picture.count).map { Int64(start + $0) }
        features += (0..<picture.count).map { Int64(index * first.count + $0) }
      }
    }
    self.rows = Tensor(rows, device: device)
    self.features = pictures.allSatisfy { $0.starts.count == 1 } ? nil : Tensor(features, device: device)
  }

  /// The embeddings `[B, T, H]` with the pictures' features `[N, P, H]` in the places of their tokens.
  public func placing(_ features: Tensor, in embeddings: Tensor) -> Tensor {
    let flat = features.flatten(0, 1)
    let placed = self.features.map { flat.indexSelect(0, $0) } ?? flat
    return embeddings.flatten(0, 1).indexCopy(0, rows, placed.to(embeddings.dtype)).view(embeddings.shape)
  }
}
