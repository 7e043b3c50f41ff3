// SPDX-License-Identifier: Apache-2.0
public import Torch

/// How the frozen weights of a model are stored beneath adapters (QLoRA).
public struct QuantizationSettings: Sendable, Hashable, Codable {
  /// A format of weights.
  public enum Format: String, Sendable, Hashable, Codable, CaseIterable {
    /// 4 bits, values equally probable under a normal distribution (bitsandbytes' `nf4`, blocks of 64).
    case nf4
  }

  /// The format (`bnb_4bit_quant_type`).
  public var format: Format
  /// Whether the scales of blocks are stored in 8 bits (`bnb_4bit_use_double_quant`): 0.52 bytes a weight instead of
  /// 0.56.
  public var nestsScales: Bool
  /// Names of linear layers that stay as they are (`llm_int8_skip_modules`), each the end of a full name. The head and
  /// what chooses experts always do.
  public var exclude: [String]

  /// Memberwise. The defaults are bitsandbytes'.
  public init(format: Format = .nf4, nestsScales: Bool = false, exclude: [String] = []) {
    (self.format, self.nestsScales, self.exclude) = (format, nestsScales, exclude)
  }

  /// Bytes of memory that a weight takes: its code, and its share of the scales.
  public var bytesPerWeight: Double {
    let block = Double(FourBitCodes.block)
    return 0.5 + (nestsScales ? 1 + 4 / Double(DynamicCodes.block) : 4) / block
  }
}

/// The frozen weight of a linear layer as codes; see `Torch/FourBitCodes`. Named `weight.codes`, `weight.scales` and
/// `weight.nested` beneath its layer.
public final class QuantizedWeight: Module {
  @Constant("codes") private var bytes: Tensor?
  @Constant("scales") private var scales: Tensor?
  @Constant("nested") private var nested: Tensor?
  /// The codes.
  public let codes: FourBitCodes
  /// Type that the layer computes in, which adapters have.
  let dtype: DType

  /// The codes of a weight `[O, I]`, made on its device and kept on `device`.
  init(_ weight: Tensor, _ settings: QuantizationSettings, dtype: DType, device: Device) {
    let made = FourBitCodes(weight, nestsScales: settings.nestsScales)
    codes = FourBitCodes(
      bytes: made.bytes.to(device), scales: made.scales.to(device), nested: made.nested?.to(device), shape: made.shape)
    self.dtype = dtype
    super.init()
    (bytes, scales, nested) = (codes.bytes, codes.scales, codes.nested)
  }

  /// Bytes of memory that it takes.
  public var byteCount: Int {
    [bytes, scales, nested].compactMap { $0 }.reduce(0) { $0 + $1.count * $1.dtype.size }
  }
}
