module cand(input [7:0] a, input [7:0] b, output reg [15:0] p);
  always @* begin
    #1 p = a * b;
  end
endmodule
