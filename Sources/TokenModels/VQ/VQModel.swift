// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// Image tokenizer with a code book, the VQ model of LlamaGen (Sun et al. 2024, arXiv 2406.06525), stored under the
/// published names.
///
///     z = quant_conv(encoder(image)),  code = nearest(z),  image ≈ decoder(post_quant_conv(codeBook[code]))
///
/// Sizes in shapes: B images, C channels, H and W pixels, h = H / ``VQConfiguration/downsampling``, V codes of D
/// numbers. Pixels are within [−1, 1].
public final class VQModel: Module {
  /// The sizes.
  public let configuration: VQConfiguration
  /// `config.json`, with the keys this library has no use for.
  public let configurationJSON: JSON
  @Child("encoder") private var encoder: VQEncoder
  @Child("decoder") private var decoder: VQDecoder
  /// The code book.
  @Child("quantize") public var quantizer: VectorQuantizer
  @Child("quant_conv") private var toCodes: Convolution
  @Child("post_quant_conv") private var fromCodes: Convolution

  /// A model without weights (its parameters are on `.meta`): load them.
  public convenience init(_ configuration: VQConfiguration) { self.init(configuration, json: configuration.json) }

  /// A model with random initial weights: convolutions as torch starts them, code vectors uniform within ±1/V.
  public convenience init(
    _ configuration: VQConfiguration, generator: Generator, dtype: DType = .float32, device: Device = .cpu
  ) {
    self.init(configuration)
    for (_, module) in descendants() {
      (module as? Convolution)?.initialise(generator: generator, dtype: dtype, device: device)
      (module as? GroupNorm)?.initialise(dtype: dtype, device: device)
    }
    let bound = 1 / Double(configuration.codes)
    noGrad {
      let shape = quantizer.embedding.weight.shape
      quantizer.embedding.weight = .empty(shape, dtype: dtype, device: device)
        .uniform_(-bound, bound, generator: generator)
    }
  }

  init(_ c: VQConfiguration, json: JSON) {
    (configuration, configurationJSON) = (c, json)
    super.init()
    encoder = VQEncoder(c)
    decoder = VQDecoder(c)
    quantizer = VectorQuantizer(c)
    toCodes = Convolution(c.latentChannels, c.codeWidth, kernel: 1, device: .meta)
    fromCodes = Convolution(c.codeWidth, c.latentChannels, kernel: 1, device: .meta)
  }

  /// The code book as it is used at look-up, `[V, D]`.
  public var codeBook: Tensor { noGrad { quantizer.codeBook } }

  // MARK: Passes with gradients

  /// Output of a pass through the whole model.
  public struct Pass {
    /// `[B, C, H, W]`, not clamped.
    public let reconstruction: Tensor
    /// `[B, h, w]` int64
    public let codes: Tensor
    /// Output of the encoder as it is compared: `[B, h, w, D]`.
    public let latents: Tensor
    /// The nearest vectors of the code book: `[B, h, w, D]`.
    public let quantized: Tensor
  }

  /// Encodes, quantises and decodes. The gradient of the reconstruction passes from ``Pass/quantized`` straight on to
  /// ``Pass/latents`` (van den Oord et al. 2017, arXiv 1711.00937) and leaves the code book alone.
  ///
  /// - Parameter images: `[B, C, H, W]` that ``encode(_:)`` would take; they are not checked.
  public func callAsFunction(_ images: Tensor) -> Pass {
    let latents = latents(images), codes = codes(of: latents)
    let quantized = quantizer.prepared(quantizer.embedding(codes))
    let passed = latents + (quantized - latents).detach()
    return Pass(reconstruction: reconstruction(passed), codes: codes, latents: latents, quantized: quantized)
  }

  /// Images `[B, C, H, W]` → vectors as they are compared, `[B, h, w, D]`.
  private func latents(_ images: Tensor) -> Tensor {
    quantizer.prepared(toCodes(encoder(images)).permute([0, 2, 3, 1]))
  }

  private func codes(of latents: Tensor) -> Tensor {
    quantizer.nearest(latents.reshape([-1, latents.size(-1)])).view(Array(latents.shape.dropLast()))
  }

  /// `[B, h, w, D]` → `[B, C, H, W]`.
  private func reconstruction(_ vectors: Tensor) -> Tensor { decoder(fromCodes(vectors.permute([0, 3, 1, 2]))) }

  // MARK: Use

  /// Turns images into codes.
  ///
  /// - Parameter images: `[B, C, H, W]` within [−1, 1], sides divisible by ``VQConfiguration/downsampling``.
  /// - Returns: codes `[B, h, w]` int64, and the vectors they are the nearest to, `[B, h, w, D]`, as compared.
  /// - Throws: `InputError` for images of another kind, NaN among their pixels, or weights that make NaN of them;
  ///   `TorchError` if an operation fails.
  public func encode(_ images: Tensor) throws -> (codes: Tensor, latents: Tensor) {
    try check(images)
    return try withTorchErrors {
      try noGrad {
        let latents = latents(images.to(codeBook.dtype))
        // One sum tells of any NaN; the codes of such vectors would mean nothing.
        guard latents.sum().item().isFinite else {
          let areFinite = images.to(.float32).isFinite().all().item() != 0
          throw InputError(
            path: areFinite ? "<model>" : "<images>", place: areFinite ? "vectors before the code book" : "pixels",
            expected: "finite numbers", found: "NaN or infinity",
            remedy: areFinite ? "The weights are damaged: convert or train them again." : "")
        }
        return (codes(of: latents), latents)
      }
    }
  }

  /// Turns codes into images.
  ///
  /// - Parameter codes: `[B, h, w]` of any integer type.
  /// - Returns: `[B, C, H, W]`, mostly within [−1, 1], not clamped.
  /// - Throws: `InputError` for codes that are not in the book; `TorchError` if an operation fails.
  public func decode(_ codes: Tensor) throws -> Tensor {
    guard codes.dimensions == 3, !codes.dtype.isFloatingPoint, codes.dtype != .bool, codes.count > 0 else {
      throw InputError(
        path: "<codes>", expected: "whole numbers [B, h, w]", found: "\(codes.dtype) \(codes.shape)")
    }
    return try withTorchErrors {
      try noGrad {
        let ids = codes.to(codeBook.device, dtype: .int64)
        for bad in [ids.min().intItem(), ids.max().intItem()] where !(0..<configuration.codes).contains(bad) {
          throw InputError(
            path: "<codes>", expected: "codes of 0 ... \(configuration.codes - 1)", found: "\(bad)",
            remedy: "Decode with the model that made the codes.")
        }
        return reconstruction(quantizer.prepared(quantizer.embedding(ids)))
      }
    }
  }

  private func check(_ images: Tensor) throws(InputError) {
    let side = configuration.downsampling
    func refuse(_ expected: String) -> InputError {
      InputError(path: "<images>", expected: expected, found: "\(images.dtype) \(images.shape)")
    }
    guard images.dimensions == 4, images.count > 0, images.dtype.isFloatingPoint else {
      throw refuse("real numbers [B, C, H, W]")
    }
    guard images.size(1) == configuration.imageChannels else {
      throw refuse("images of \(configuration.imageChannels) channels, [B, \(configuration.imageChannels), H, W]")
    }
    guard images.size(2) % side == 0, images.size(3) % side == 0 else {
      throw refuse("images with sides that \(side) divides")
    }
  }
}
