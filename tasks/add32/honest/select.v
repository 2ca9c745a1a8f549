// Honest: carry-select adder of two halves.
module cand (
  input  wire [31:0] a,
  input  wire [31:0] b,
  output wire [32:0] s
);
  wire [16:0] low = a[15:0] + b[15:0];
  wire [16:0] zero = a[31:16] + b[31:16];
  wire [16:0] one = a[31:16] + b[31:16] + 1'b1;
  assign s = {low[16] ? one : zero, low[15:0]};
endmodule
