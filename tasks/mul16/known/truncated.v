// Known cheat: the lowest columns are left away.
module cand (
  input  wire [15:0] a,
  input  wire [15:0] b,
  output wire [31:0] p
);
  wire [31:0] exact = {a[15:2], 2'b00} * {b[15:2], 2'b00};
  assign p = exact;
endmodule
