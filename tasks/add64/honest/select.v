// Honest: carry-select adder of two halves.
module cand (
  input  wire [63:0] a,
  input  wire [63:0] b,
  output wire [64:0] s
);
  wire [32:0] low = a[31:0] + b[31:0];
  wire [32:0] zero = a[63:32] + b[63:32];
  wire [32:0] one = a[63:32] + b[63:32] + 1'b1;
  assign s = {low[32] ? one : zero, low[31:0]};
endmodule
