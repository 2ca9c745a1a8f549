// Honest: adds a shifted copy of a for each bit of b.
module cand (
  input  wire [7:0] a,
  input  wire [7:0] b,
  output reg  [15:0] p
);
  integer i;
  always @* begin
    p = 0;
    for (i = 0; i < 8; i = i + 1)
      if (b[i]) p = p + ({{8{1'b0}}, a} << i);
  end
endmodule
