// SPDX-License-Identifier: Apache-2.0
/// The element types of a safetensors file that dist2 knows by name; the raw value is the name in the header.
///
/// Knowing a type here means that its tensors can be listed and copied. Which of them become tensors is for the reader
/// of the file to say: libtorch computes with all but the two 8-bit floats.
public enum SafetensorsType: String, Sendable, CaseIterable {
  /// A byte that is 0 or 1.
  case bool = "BOOL"
  /// Whole numbers without sign.
  case u8 = "U8"
  case u16 = "U16"
  case u32 = "U32"
  case u64 = "U64"
  /// Whole numbers with sign.
  case i8 = "I8"
  case i16 = "I16"
  case i32 = "I32"
  case i64 = "I64"
  /// 8-bit floats.
  case f8e4m3 = "F8_E4M3"
  case f8e5m2 = "F8_E5M2"
  /// IEEE 754 half, and its sibling with the exponent of a single.
  case f16 = "F16"
  case bf16 = "BF16"
  /// IEEE 754 single and double.
  case f32 = "F32"
  case f64 = "F64"

  /// Bytes of one element.
  public var byteCount: Int {
    switch self {
    case .bool, .u8, .i8, .f8e4m3, .f8e5m2: 1
    case .u16, .i16, .f16, .bf16: 2
    case .u32, .i32, .f32: 4
    case .u64, .i64, .f64: 8
    }
  }
}

/// The product of a shape's sizes and a number of bytes, or nil if it does not fit.
func byteCount(of shape: [Int], elementBytes: Int) -> Int? {
  var product = elementBytes
  for size in shape {
    let (next, overflow) = product.multipliedReportingOverflow(by: size)
    if overflow { return nil }
    product = next
  }
  return product
}
